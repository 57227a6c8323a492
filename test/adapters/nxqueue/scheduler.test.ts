import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { ServiceEvent } from '../../../lib/adapters/nxqueue/events.js'
import { openCluster, readInventory, submitJob } from '../../../lib/adapters/nxqueue/index.js'
import { ReadyJobsReader } from '../../../lib/adapters/nxqueue/ready-jobs.js'
import { Scheduler, type SchedulerParts } from '../../../lib/adapters/nxqueue/scheduler.js'
import { deferred } from '../../../lib/deferred.js'
import { watchDirectory } from '../../../lib/posix/watch.js'
import { withLockedEntry } from '../../../lib/queue/locked-entry.js'
import { temporaryRoot } from '../../../lib/testing/index.js'
import { nextTurn } from '../../../lib/turn.js'
import { failingWatch, watchFailures } from '../../helpers/failing-watch.js'
import { smallInventory } from '../../helpers/nxqueue.js'

/** A cluster of the server a, by a clock of its own, in which nothing is swept. */
async function place(t: Test) {
  const root = temporaryRoot()
  const { clock } = root
  const queue = await root.install('q')
  const cluster = openCluster(queue)
  await queue.installHost('a')
  const path = `${queue.path}/inventory.json`
  writeFileSync(path, JSON.stringify(smallInventory()))
  const inventory = await readInventory(path)
  const schedulers: Scheduler[] = []
  t.teardown(async () => {
    for (const each of schedulers) await each[Symbol.asyncDispose]()
    root.remove()
  })
  return {
    ...{ clock, cluster, queue },
    submit: async (jobID: string) =>
      (await submitJob(cluster, { kind: 'archive', jobID, group: 'g' })).id,
    /** Touches an item so that it waits for so many seconds from now; returns until when. */
    waitFor: (item: string, seconds: number) => {
      const time = new Date(clock.now() + seconds * 1000)
      utimesSync(`${queue.context.paths.queue}/${item}`, time, time)
      return time.getTime()
    },
    schedule: (onEvent: (event: ServiceEvent) => void, parts: Partial<SchedulerParts> = {}) => {
      const scheduler = new Scheduler({
        ...{ queue: queue.context, store: cluster.store, carried: false, options: {}, sweep: 3600 },
        inventory: () => inventory,
        present: () => new Map([['a', { kinds: ['archive'] }]]),
        epoch: () => 1,
        onEvent,
        ...parts,
      })
      schedulers.push(scheduler)
      return scheduler
    },
  }
}

t.test('a job whose time comes while a pass is made is launched by the next', async (t) => {
  const { clock, submit, waitFor, schedule } = await place(t)
  waitFor(await submit('j'), 3600)
  const launched = deferred<string>()
  let passes = 0
  schedule((event) => {
    if (event.type === 'launched') launched.resolve(event.jobID)
    // It has been planned by now.
    if (event.type === 'pass' && ++passes === 1) clock.advance(3600)
  })
  t.equal(await launched.promise, 'j')
  t.equal(passes, 1, 'the second is not over yet')
})

t.test('a job that is to wait no longer is launched at once', async (t) => {
  const { submit, waitFor, schedule } = await place(t)
  const item = await submit('j')
  waitFor(item, 3600)
  const launched = deferred<string>()
  let passes = 0
  schedule((event) => {
    if (event.type === 'launched') launched.resolve(event.jobID)
    if (event.type === 'pass' && ++passes === 1) waitFor(item, 0)
  })
  t.equal(await launched.promise, 'j')
})

t.test('a job that somebody has locked is launched soon after he gives it up', async (t) => {
  const { queue, submit, schedule } = await place(t)
  const [item, launched, looked] = [await submit('j'), deferred<string>(), deferred<undefined>()]
  await withLockedEntry(queue.context, 'queue', item, 'look at', async () => {
    schedule((event) => {
      if (event.type === 'launched') launched.resolve(event.jobID)
      if (event.type === 'pass') looked.resolve(undefined)
    })
    await looked.promise
  })
  t.equal(await launched.promise, 'j')
})

for (const [what, failing] of Object.entries(watchFailures))
  t.test(`claims that ${what} are watched again later, and that is told once`, async (t) => {
    const { cluster, schedule } = await place(t)
    const failures = [failing, watchFailures['cannot be watched']]
    const { entries: claims, watched } = failingWatch(cluster.store.claims, failures)
    const told = new Array<string>()
    const onEvent = (event: ServiceEvent): void => {
      if (event.type === 'trouble') told.push(event.error.message)
    }
    schedule(onEvent, { store: { ...cluster.store, claims }, sweep: 0.05 })
    await watched
    t.match(told, [/no more watches/])
    t.equal(told.length, 1)
  })

t.test('a server is heard of whose queue was removed and made again', async (t) => {
  const { queue, submit, schedule } = await place(t)
  const { hosts } = queue.context.paths
  await queue.downHost('a')
  const launched = deferred<string>()
  let passed = deferred<undefined>()
  const scheduler = schedule((event) => {
    if (event.type === 'launched') launched.resolve(event.jobID)
    if (event.type === 'pass') passed.resolve(undefined)
  })
  const pass = async (): Promise<void> => {
    passed = deferred<undefined>()
    scheduler.wake()
    await passed.promise
    await nextTurn() // Then it has ended, too, and the next does not follow it.
  }
  await passed.promise
  const told = deferred<undefined>()
  const onName = (name?: string): void => {
    if (name === 'last') told.resolve(undefined)
  }
  using watch = watchDirectory(hosts, onName, told.reject)
  t.ok(watch)
  rmSync(`${hosts}/a`, { recursive: true })
  await queue.installHost('a')
  await queue.downHost('a')
  await submit('j') // Not before: a launch that fails, as there is no queue for a moment, is tried again by a sweep.
  writeFileSync(`${hosts}/last`, '')
  await told.promise // And with it all that was before.
  for (const which of ['one that may have begun before', 'one that has not']) {
    await pass()
    t.pass(which)
  }
  await queue.upHost('a')
  t.equal(await launched.promise, 'j')
})

t.test('a job waits for the time that it was given last', async (t) => {
  const { queue, submit, waitFor } = await place(t)
  const item = await submit('j')
  const reader = new ReadyJobsReader(queue.context)
  for (const seconds of [0, 3600, 7200, 60, 0]) {
    const time = waitFor(item, seconds)
    const [job] = (await reader.read()).jobs
    const told = job?.notBefore && Math.round(job.notBefore)
    t.equal(told, seconds === 0 ? undefined : time, `in ${seconds} s`)
  }
})
