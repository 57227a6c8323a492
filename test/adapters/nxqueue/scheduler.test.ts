import { utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { openCluster, readInventory, submitJob } from '../../../lib/adapters/nxqueue/index.js'
import { Scheduler } from '../../../lib/adapters/nxqueue/scheduler.js'
import { deferred } from '../../../lib/deferred.js'
import { temporaryRoot } from '../../../lib/testing/index.js'
import { smallInventory } from '../../helpers/nxqueue.js'

t.test('a job whose time comes while a pass is made is launched by the next', async (t) => {
  const root = temporaryRoot()
  const queue = await root.install('q')
  const cluster = openCluster(queue)
  await queue.installHost('a')
  const path = `${queue.path}/inventory.json`
  writeFileSync(path, JSON.stringify(smallInventory()))
  const inventory = await readInventory(path)
  const { id } = await submitJob(cluster, { kind: 'archive', jobID: 'j', group: 'g' })
  const time = new Date(root.clock.now() + 3600_000)
  utimesSync(`${queue.context.paths.queue}/${id}`, time, time)
  const launched = deferred<string>()
  let passes = 0
  const scheduler = new Scheduler({
    ...{ queue: queue.context, store: cluster.store, carried: false, options: {}, sweep: 60 },
    inventory: () => inventory,
    present: () => new Map([['a', { kinds: ['archive'] }]]),
    epoch: () => 1,
    onEvent: (event) => {
      if (event.type === 'launched') launched.resolve(event.jobID)
      // It has been planned by now.
      if (event.type === 'pass' && ++passes === 1) root.clock.advance(3600)
    },
  })
  t.teardown(async () => {
    await scheduler[Symbol.asyncDispose]()
    root.remove()
  })
  t.equal(await launched.promise, 'j')
  t.equal(passes, 1, 'the second is not over yet')
})
