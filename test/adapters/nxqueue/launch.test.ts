import { getEventListeners, once } from 'node:events'
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { Executor, type JobRunner, type RunningJob } from '../../../lib/adapters/nxqueue/execute.js'
import type { ServiceEvent } from '../../../lib/adapters/nxqueue/events.js'
import { cancelJob, runAgain } from '../../../lib/adapters/nxqueue/act-on-job.js'
import { publishInventory } from '../../../lib/adapters/nxqueue/accepted-inventory.js'
import { explainJob } from '../../../lib/adapters/nxqueue/survey.js'
import { submitJob } from '../../../lib/adapters/nxqueue/submit.js'
import { Master } from '../../../lib/adapters/nxqueue/master.js'
import { freeGone, reclaim } from '../../../lib/adapters/nxqueue/recover.js'
import type { Presences } from '../../../lib/adapters/nxqueue/read-state.js'
import { readInventory } from '../../../lib/adapters/nxqueue/read-inventory.js'
import { handlerJob, type JobHandler } from '../../../lib/adapters/nxqueue/run-job.js'
import type { NewJob } from '../../../lib/adapters/nxqueue/job-item.js'
import { hostContext } from '../../../lib/queue/context.js'
import { JobEnding } from '../../../lib/work/ending.js'
import type { FinishedEvent } from '../../../lib/work/events.js'
import { Worker } from '../../../lib/work/worker.js'
import { deferred } from '../../../lib/deferred.js'
import { type JobRecord, type Launched, update } from '../../../lib/adapters/nxqueue/store.js'
import { FsqError } from '../../../lib/errors.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { testCluster } from '../../helpers/nxqueue.js'

/**
 * A cluster with servers a and b, both there, without their services: each step is made by the test.
 *
 * @param edited - its inventory, if it is to be another than the small one
 * @param memory - where its values are, if not in files
 */
async function place(t: Test, edited?: object, memory?: MemoryPlace) {
  const it = await testCluster(t, ['a', 'b'], memory?.open())
  const { cluster, inventoryPath } = it
  if (edited !== undefined) it.edit(edited)
  const { queue, store } = cluster
  for (const host of ['a', 'b']) await queue.installHost(host)
  const inventory = await readInventory(inventoryPath)
  const present = new Map<string, { kinds: string[] }>()
  for (const name of ['a', 'b']) present.set(name, { kinds: ['archive', 'restore', 'other'] })
  const events: ServiceEvent[] = []
  const master = (
    epoch = 1,
    there: Presences = present,
    carried = false,
    current = inventory,
  ): Master =>
    new Master({
      ...{ queue: queue.context, store, carried, options: {} },
      inventory: () => current,
      present: () => there,
      epoch: () => epoch,
      onEvent: (event) => events.push(event),
    })
  const executorOf = (server: string, run: JobRunner): Executor =>
    new Executor({
      ...{ queue: queue.context, own: hostContext(queue.context, server), server, store },
      carried: false,
      inventory: () => inventory,
      run: { archive: run, other: run },
      onReturned: () => undefined,
    })
  const executor = (server: string, handler: JobHandler): Executor =>
    executorOf(server, handlerJob(handler))
  return {
    ...it,
    inventory,
    events,
    present,
    master,
    submit: (job: Partial<NewJob> & Pick<NewJob, 'jobID'>) =>
      submitJob(cluster, { kind: 'archive', group: 'g', bytes: 10, ...job }),
    executor,
    executorOf,
    /** Executes what was launched to a server until there is no more; what is told of each that was finished. */
    execute: async (
      server: string,
      handler: JobHandler,
      concurrency = 1,
    ): Promise<FinishedEvent[]> => {
      const own = hostContext(queue.context, server)
      const executing = executor(server, handler)
      const settling: Promise<void>[] = []
      const finished: FinishedEvent[] = []
      const idle = deferred<undefined>()
      const worker = new Worker([{ queue: own, weight: 1 }], executing.run, {
        backoff: [3600],
        maxTries: 3,
        concurrency,
        onEvent: (event) => {
          if (event.type === 'done' || event.type === 'failed' || event.type === 'retried') {
            finished.push(event)
            settling.push(executing.settle(event))
          }
          if (event.type === 'idle') idle.resolve(undefined)
        },
      })
      await idle.promise
      await worker.stop()
      await Promise.all(settling)
      return finished
    },
  }
}

t.test('a job that can run is launched with what it needs, and has it until it ends', async (t) => {
  const { submit, master, where, claims, execute, cluster } = await place(t)
  await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  t.strictSame(where(), { ready: [], 'a/queue': ['j'] })
  t.strictSame(await claims(), ['drive/d1', 'server/a', 'volume/V1'])
  const ran: RunningJob[] = []
  await execute('a', async (job) => {
    ran.push(job)
    t.strictSame(await claims(), ['drive/d1', 'server/a', 'volume/V1'])
  })
  t.match(ran, [{ jobID: 'j', onVolume: { name: 'V1' }, inDrive: { name: 'd1' } }])
  t.strictSame(where(), { ready: [], 'a/done': ['j'] })
  t.strictSame(await claims(), [])
  t.equal((await cluster.store.launches.list()).size, 0)
  t.match((await cluster.store.written.get('V1'))?.value, { base: 0, bytes: 10 })
  t.match((await cluster.store.mounts.get('d1'))?.value, { volume: 'V1' })
  t.match((await cluster.store.jobs.get('j'))?.value, { ended: 'completed' })
})

t.test('a volume is not loaded into a drive while another may still unload it', async (t) => {
  const { submit, master, where, execute, cluster } = await place(t)
  for (const volume of ['V1', 'V2']) {
    await submit({ jobID: `first-${volume}`, volume, group: undefined, server: 'a' })
    await master().pass(false)
    await execute('a', () => undefined)
  }
  t.match((await cluster.store.mounts.get('d1'))?.value, { volume: 'V1' })
  t.match((await cluster.store.mounts.get('d2'))?.value, { volume: 'V2' })
  await submit({ jobID: 'third', volume: 'V3', group: undefined, server: 'a' })
  await master().pass(false)
  const again: NewJob = { kind: 'restore', jobID: 'again', volume: 'V1' }
  await execute('a', async ({ inDrive }) => {
    t.equal(inDrive?.name, 'd1')
    await submit(again)
    const { waiting } = await master().pass(false)
    const text = 'Volume V1 is in drive d1, which is used by job third.'
    t.match([...waiting.values()], [[{ code: 'WaitVolume', text }]])
  })
  t.match(where(), { ready: ['again'] })
  await master().pass(false)
  t.match(where(), { ready: [], 'a/queue': ['again'] })
})

const drive = { changer: 'c', generation: 6, servers: ['a'] }
const volume = { changer: 'c', generation: 6, capacity: 1000 }

/** A volume in a drive of one type, one in the changer, and a drive of another type. */
const twoTypes = {
  servers: [{ name: 'a', slots: 2 }],
  drives: [
    { name: 'old', ...drive, type: 'A' },
    { name: 'new', ...drive, type: 'B' },
  ],
  volumes: [
    { name: 'V1', ...volume, mounted: 'old' },
    { name: 'V2', ...volume },
  ],
}

t.test(
  'a volume is where it was loaded last, whatever the clocks of the servers say',
  async (t) => {
    const { submit, master, execute, claims, cluster } = await place(t, twoTypes)
    const at = Date.now() + 600_000 // By the server that is ten minutes fast.
    await cluster.store.mounts.create('old', { volume: 'V2', before: ['V1'], at })
    await submit({ jobID: 'moves', volume: 'V1', group: undefined, media: 'B' })
    await master().pass(false)
    await execute('a', () => undefined)
    await submit({ jobID: 'again', volume: 'V1', group: undefined })
    await master().pass(false)
    t.strictSame(await claims(), ['drive/new', 'server/a', 'volume/V1'])
    await execute('a', () => undefined)
    await submit({ jobID: 'stays', volume: 'V2', group: undefined })
    await master().pass(false)
    t.strictSame(await claims(), ['drive/old', 'server/a', 'volume/V2'])
  },
)

t.test('what a job that failed had to unload may still be in its drive', async (t) => {
  const { submit, master, where, claims, execute, cluster } = await place(t, twoTypes)
  await submit({ jobID: 'fails', volume: 'V2', group: undefined, media: 'A' })
  await master().pass(false)
  const [failed] = await execute('a', () => {
    throw new Error('the robot stands still')
  })
  t.match(failed, { type: 'retried' })
  await submit({ jobID: 'moves', volume: 'V1', group: undefined, media: 'B' })
  await master().pass(false)
  t.strictSame(where(), { ready: ['fails'], 'a/queue': ['moves'] })
  t.strictSame(await claims(), ['drive/new', 'drive/old', 'server/a', 'volume/V1'])
  await execute('a', () => undefined)
  await submit({ jobID: 'succeeds', volume: 'V2', group: undefined, media: 'A' })
  await master().pass(false)
  await execute('a', () => undefined)
  t.same((await cluster.store.mounts.get('old'))?.value.before, undefined, 'it has unloaded it')
})

t.test('a drive into which a volume could not be loaded does not keep it', async (t) => {
  const drives = ['dead', 'good'].map((name) => ({ name, ...drive }))
  const inventory = { ...twoTypes, drives, volumes: [{ name: 'V1', ...volume }] }
  const { submit, master, claims, execute, edit, inventoryPath, cluster } = await place(
    t,
    inventory,
  )
  const job = { volume: 'V1', group: undefined }
  const fails: JobHandler = async ({ item, inDrive }) => {
    t.equal(inDrive?.name, 'dead')
    await item.failPerm()
  }
  await submit({ jobID: 'fails', ...job })
  await master().pass(false)
  await execute('a', fails)
  await submit({ jobID: 'moves', ...job })
  await master().pass(false)
  t.strictSame(
    await claims(),
    ['drive/dead', 'drive/good', 'server/a', 'volume/V1'],
    'it may be in it',
  )
  await cancelJob(cluster, 'moves')
  edit({ ...inventory, drives: drives.map((each) => ({ ...each, enabled: each.name === 'good' })) })
  await submit({ jobID: 'succeeds', ...job })
  await master(1, undefined, false, await readInventory(inventoryPath)).pass(false)
  t.strictSame(await claims(), ['drive/good', 'server/a', 'volume/V1'])
})

t.test('a volume that is in another drive is moved by a job that has both', async (t) => {
  const { submit, master, where, claims, execute, cluster } = await place(t, twoTypes)
  await submit({ jobID: 'moves', volume: 'V1', group: undefined, media: 'B' })
  await submit({ jobID: 'waits', volume: 'V2', group: undefined, media: 'A' })
  const all = ['drive/new', 'drive/old', 'server/a', 'volume/V1']
  const text = 'All drives that will do are in use: old by job moves.'
  await master().pass(false)
  t.strictSame(where(), { ready: ['waits'], 'a/queue': ['moves'] })
  await execute('a', async ({ inDrive }) => {
    t.equal(inDrive?.name, 'new')
    t.strictSame(await claims(), all)
    const { waiting } = await master().pass(false)
    t.match([...waiting.values()], [[{ code: 'WaitDrive', text }]])
  })
  t.strictSame(await claims(), [])
  t.match((await cluster.store.mounts.get('new'))?.value, { volume: 'V1' })
  await master().pass(false)
  t.strictSame(where(), { ready: [], 'a/queue': ['waits'], 'a/done': ['moves'] })
})

t.test(
  'one that fails temporarily waits for its next try in the queue, with nothing',
  async (t) => {
    const { submit, master, where, claims, execute, cluster } = await place(t)
    await submit({ jobID: 'j', server: 'a' })
    await master().pass(false)
    await execute('a', () => {
      throw new Error('the drive is dirty')
    })
    t.strictSame(where(), { ready: ['j'] })
    t.match(readdirSync(cluster.queue.context.paths.queue), [/_1_j_/], 'with one try spent')
    t.strictSame(await claims(), [])
    const { ready } = await master().pass(false)
    t.strictSame(where(), { ready: ['j'] }, 'and is not launched before its time')
    t.ok((ready.jobs[0]?.notBefore ?? 0) > Date.now())
    t.match((await cluster.store.jobs.get('j'))?.value, { why: /^the drive is dirty/ })
  },
)

t.test('a job that is carried ends where the master finds it cancelled', async (t) => {
  const { submit, master, where, cluster, events, present } = await place(t)
  const { jobs } = cluster.store
  const cancel = async (jobID: string): Promise<number> =>
    update(jobs, jobID, (record): JobRecord => ({ at: 1, ...record, cancel: true }))
  const carrying = master(1, present, true)
  const waits = { kind: 'format', volume: 'V1' } as const // Nobody does such jobs.
  for (const jobID of ['on-its-way', 'here']) await submit({ jobID, ...waits })
  await cancel('on-its-way')
  t.match(await carrying.pass(false), { ready: { jobs: [{ jobID: 'here' }] } })
  t.strictSame(where(), { ready: ['here'], fail: ['on-its-way'] })
  t.match((await jobs.get('on-its-way'))?.value, { ended: 'cancelled' })
  t.notOk(carrying.onRecord('another'), 'which it does not have')
  await cancel('here')
  t.ok(carrying.onRecord('here'), 'its record is to be looked at')
  t.match(await carrying.pass(false), { ready: { jobs: [] } })
  t.strictSame(where(), { ready: [], fail: ['on-its-way', 'here'] })
  await submit({ jobID: 'unnoticed', ...waits })
  await carrying.pass(false)
  await cancel('unnoticed')
  await carrying.pass(true)
  t.strictSame(where()['fail'], ['on-its-way', 'here', 'unnoticed'], 'a sweep looks at all')
  t.strictSame(
    events.filter(({ type }) => type === 'trouble'),
    [],
  )
})

t.test(
  'a job that is cancelled while somebody works on it is not launched meanwhile',
  async (t) => {
    for (const carried of [false, true]) {
      const { submit, master, where, cluster, present } = await place(t)
      const { id } = await submit({ jobID: 'j' })
      const planning = master(1, present, carried)
      const item = await cluster.queue.claim(id)
      await planning.pass(false)
      t.equal(await cancelJob(cluster, 'j'), 'ending')
      t.ok(planning.onRecord('j'))
      for (let i = 0; i < 2; i++) t.match(await planning.pass(false), { launches: [] })
      item.close()
      await planning.pass(false)
      t.strictSame(where(), { ready: [], fail: ['j'] }, carried ? 'carried' : 'not carried')
    }
  },
)

t.test('a job that a server has without a launch is on its way back', async (t) => {
  const { submit, master, cluster, inventoryPath } = await place(t)
  await publishInventory(cluster, await readInventory(inventoryPath))
  const { id } = await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  t.match(await explainJob(cluster, 'j'), { state: 'launched', server: 'a' })
  await cluster.store.launches.remove(id)
  for (const wanted of ['j', id])
    t.match(await explainJob(cluster, wanted), { state: 'returning', jobID: 'j', server: 'a' })
})

t.test('an item that is no job is explained by its jobID, too', async (t) => {
  const { cluster, inventoryPath, master, events } = await place(t)
  await publishInventory(cluster, await readInventory(inventoryPath))
  const ids = new Array<string>()
  const items: [args: string[], body: string, why: RegExp][] = [
    [['onlyid'], '', /not a job: its kind is ""/],
    [['dancer', 'dance'], '', /not a job: its kind is "dance"/],
    [['torn', 'other'], '{', /not a job: its body is not JSON/],
    [['greedy', 'other'], '{"bytes":"lots"}', /not a job: its bytes are "lots"/],
    [['dürr'], '', /not a job: its jobID is "dürr"/],
  ]
  for (const [args, body, message] of items) {
    const id = await cluster.queue.enqueue(body, args)
    ids.push(id)
    const [jobID = ''] = args
    for (const wanted of [jobID, id]) {
      const explained = await explainJob(cluster, wanted)
      t.match(explained, { state: 'bad', item: id, error: { message } }, wanted)
    }
  }
  await master().pass(false)
  t.strictSame(
    events.flatMap((event) => (event.type === 'trouble' ? [event.id] : [])).sort(),
    ids.sort(),
    'and told of by its name',
  )
})

t.test('one that fails for good is in fail/, and frees what it had', async (t) => {
  const { submit, master, where, claims, execute, cluster } = await place(t)
  await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  await execute('a', ({ item }) => item.failPerm())
  t.strictSame(where(), { ready: [], 'a/fail': ['j'] })
  t.strictSame(await claims(), [])
  t.match((await cluster.store.jobs.get('j'))?.value, { ended: 'failed' })
})

t.test('two masters at the same time launch each job once, and nothing twice', async (t) => {
  const { submit, master, where, claims } = await place(t)
  for (let i = 0; i < 12; i++) await submit({ jobID: `j${i}` })
  const masters = [master(1), master(2), master(3)]
  await Promise.all(masters.map((each) => each.pass(true)))
  for (const each of masters) await each.pass(true)
  const { ready, ...launched } = where()
  t.equal(ready?.length, 10, 'there are two drives')
  t.equal(Object.values(launched).flat().length, 2)
  const keys = (await claims()).filter((key) => !key.startsWith('server/'))
  t.equal(keys.length, 4)
})

t.test('claims that a master left that died are freed by the next pass', async (t) => {
  const { submit, master, where, claims, cluster } = await place(t)
  const { id } = await submit({ jobID: 'j', group: undefined, volume: 'V2', server: 'b' })
  const left = { launch: 'x', jobID: 'j', item: id, server: 'a', bytes: 10, epoch: 1 }
  await cluster.store.claims.create('drive/d1', {
    ...left,
    resource: { kind: 'drive', name: 'd1' },
  })
  await cluster.store.claims.create('volume/V1', {
    ...left,
    resource: { kind: 'volume', name: 'V1', place: 0 },
  })
  t.test('whether or not it had recorded the launch', async () => {
    await master().pass(false)
    t.strictSame(where(), { ready: [], 'b/queue': ['j'] })
    t.equal((await claims()).length, 3)
    t.equal((await cluster.store.claims.get('volume/V1'))?.value, undefined)
  })
})

t.test('what was not launched to a server it puts back, and does not run', async (t) => {
  const { submit, master, where, claims, execute, cluster } = await place(t)
  const cases: [string, (id: string) => Promise<void>][] = [
    ['without a record', async (id) => cluster.store.launches.remove(id)],
    ['without its drive', async () => cluster.store.claims.remove('drive/d1')],
    [
      'with the drive of another launch',
      async () => {
        const there = await cluster.store.claims.get('drive/d1')
        if (there === undefined) throw new Error('it has no drive')
        const value = { ...there.value, launch: 'another' }
        await cluster.store.claims.replace('drive/d1', value, there.revision)
      },
    ],
  ]
  for (const [i, [name, change]] of cases.entries()) {
    const jobID = `j${i}`
    const { id } = await submit({ jobID, server: 'a' })
    await master().pass(false)
    t.strictSame(where()['a/queue'], [jobID], name)
    await change(id)
    await execute('a', () => t.fail(`it ran ${name}`))
    t.strictSame(where()['ready'], [jobID], name)
    for (const key of await claims()) await cluster.store.claims.remove(key)
    await cluster.queue.claim(id).then((item) => item.success())
    for (const key of (await cluster.store.launches.list()).keys())
      await cluster.store.launches.remove(key)
  }
})

t.test('a server that is gone', async (t) => {
  t.test('loses what it has not begun', async (t) => {
    const { submit, master, where, claims, present, events } = await place(t)
    await submit({ jobID: 'j' })
    present.delete('b')
    await master().pass(false)
    t.strictSame(where(), { ready: [], 'a/queue': ['j'] })
    present.delete('a')
    present.set('b', { kinds: ['archive'] })
    await master().pass(false)
    t.strictSame(where(), { ready: [], 'b/queue': ['j'] })
    t.equal((await claims()).length, 3)
    t.ok(events.some((event) => event.type === 'returned' && event.why === 'a is not there'))
  })

  t.test('keeps what it was running', async (t) => {
    const { submit, master, where, claims, present, events, execute, cluster } = await place(t)
    await submit({ jobID: 'j', server: 'a' })
    await master().pass(false)
    const record = [...(await cluster.store.launches.list())][0]
    if (record === undefined) throw new Error('it is not launched')
    const [id, { value, revision }] = record
    const service = { pid: 1, boot: 'another', startTicks: 1 }
    await cluster.store.launches.replace(id, { ...value, run: { service, began: 0 } }, revision)
    present.delete('a')
    await master().pass(true)
    await master().pass(true)
    t.strictSame(where(), { ready: [], 'a/queue': ['j'] })
    t.equal((await claims()).length, 3)
    t.equal(events.filter(({ type }) => type === 'held').length, 2, 'each master says so once')
    await execute('a', () => t.fail('it was running when a was lost'))
    t.strictSame(where(), { ready: ['j'] }, 'a itself knows that it does not run any more')
    t.strictSame(await claims(), [])
  })
})

t.test('of a job that was running when its service ended it is said once what it is', async (t) => {
  const cases: [
    name: string,
    record: Partial<JobRecord>,
    why: string,
    type: string,
    now: object,
  ][] = [
    ['tried again', {}, 'it was running when its service ended', 'retried', { ready: ['j'] }],
    [
      'cancelled meanwhile',
      { cancel: true },
      'it was running when its service ended, and was cancelled',
      'failed',
      { ready: [], 'a/fail': ['j'] },
    ],
  ]
  for (const [name, record, why, type, now] of cases) {
    const { submit, master, where, execute, cluster } = await place(t)
    const { id } = await submit({ jobID: 'j', server: 'a' })
    await master().pass(false)
    const service = { pid: 1, boot: 'another', startTicks: 1 }
    await update(cluster.store.launches, id, (launched): Launched => {
      if (launched === undefined) throw new Error('it is not launched')
      return { ...launched, run: { service, began: 0 } }
    })
    await update(cluster.store.jobs, 'j', () => ({ at: 1, ...record }))
    const finished = await execute('a', () => t.fail('it was running'))
    t.match(finished, [{ type, error: { message: `${id}: ${why}` } }], name)
    t.strictSame(where(), now, name)
    const kept = (await cluster.store.jobs.get('j'))?.value
    if (type === 'retried') t.match(kept, { why }, name)
    else t.match(kept, { ended: 'cancelled', server: 'a', why: undefined }, name)
  }
})

t.test('what is claimed for jobs that are nowhere is freed', async (t) => {
  const { submit, master, claims, cluster, present, inventory } = await place(t)
  const { id } = await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  const item = await cluster.queue.host('a').claim(id)
  await item.failPerm()
  t.equal((await claims()).length, 3)
  await master().pass(true)
  t.equal((await claims()).length, 3, 'not by the master, while its server is there')
  present.delete('a')
  await master().pass(true)
  t.strictSame(await claims(), [])
  t.match(
    (await cluster.store.jobs.get('j'))?.value,
    { ended: 'failed' },
    'and it is known how it ended',
  )
  t.equal(await freeGone(cluster.queue.context, cluster.store, inventory, () => true), 0)
})

t.test('who finishes a job late frees nothing of its next launch', async (t) => {
  const { submit, master, claims, execute, cluster, executor } = await place(t)
  const { id } = await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  const late = executor('a', () => undefined)
  using item = await cluster.queue.host('a').claim(id)
  await late.run(item, new JobEnding())
  const outcome = await item.success()
  await runAgain(cluster, 'j')
  await master().pass(true)
  t.equal((await claims()).length, 3)
  await late.settle({ id, type: 'done', outcome, queue: 'q/a', seconds: 0 })
  t.equal((await claims()).length, 3)
  await execute('a', () => undefined)
  t.strictSame(await claims(), [])
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A job that was launched to server a, whose store is in memory. */
async function launchedInMemory(t: Test) {
  const memory = new MemoryPlace()
  const it = await place(t, undefined, memory)
  const { id } = await it.submit({ jobID: 'j', server: 'a' })
  await it.master().pass(false)
  return { ...it, memory, id, claim: async () => it.cluster.queue.host('a').claim(id) }
}

const ends: Readonly<
  Record<string, [type: 'done' | 'failed', record: JobRecord['ended'], bytes: number | undefined]>
> = {
  'was completed': ['done', 'completed', 10],
  'failed for good': ['failed', 'failed', undefined],
}

for (const [how, [type, ended, bytes]] of Object.entries(ends))
  t.test(
    `of a job that ${how} while the store was away that is recorded once it is back`,
    async (t) => {
      const { memory, id, claim, executor, cluster, where, claims, inventory } =
        await launchedInMemory(t)
      const { store, queue } = cluster
      const executing = executor('a', async ({ item }) => {
        memory.isAway = true
        if (type === 'failed') await item.failPerm()
      })
      using item = await claim()
      t.strictSame(await executing.run(item, new JobEnding()), { returned: true })
      const outcome = item.outcome ?? (await item.success())
      const told = { id, type, outcome, queue: 'q/a', seconds: 0 }
      await t.rejects(executing.settle(told), { message: 'it is away' })
      memory.isAway = false
      const [launch] = await store.launches.list()
      for (const again of [false, true]) {
        if (again && launch !== undefined) await store.launches.create(id, launch[1].value)
        await freeGone(queue.context, store, inventory, () => true)
        t.match((await store.jobs.get('j'))?.value, { ended, server: 'a' })
        t.equal((await store.written.get('V1'))?.value.bytes, bytes, 'it is counted once')
        t.strictSame(await claims(), [])
      }
      t.strictSame(where(), { ready: [], [type === 'done' ? 'a/done' : 'a/fail']: ['j'] })
    },
  )

t.test('what was recorded of a job since a sweep began is not recorded again', async (t) => {
  const memory = new MemoryPlace()
  const { submit, master, execute, claims, cluster, inventory } = await place(t, undefined, memory)
  const { store, queue } = cluster
  for (const jobID of ['one', 'two'])
    await submit({ jobID, volume: 'D', group: undefined, server: 'a' })
  await master().pass(false)
  const [begun, mayEnd] = [deferred<undefined>(), deferred<undefined>()]
  let running = 0
  const wait = async (): Promise<void> => {
    if (++running === 2) begun.resolve(undefined)
    await mayEnd.promise
  }
  const executed = execute('a', wait, 2)
  await begun.promise
  const list = async () => {
    const launches = await store.launches.list()
    mayEnd.resolve(undefined)
    await executed
    return launches
  }
  const launches = { ...store.launches, list }
  await freeGone(queue.context, { ...store, launches }, inventory, () => true)
  t.match((await store.written.get('D'))?.value, { bytes: 20 })
  t.strictSame(await claims(), [])
})

t.test('why a job failed is not forgotten when it is freed', async (t) => {
  const { submit, master, execute, cluster, inventory } = await place(t)
  const { store, queue } = cluster
  const { id } = await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  const launched = await store.launches.get(id)
  await execute('a', async ({ item }) => {
    await item.failPerm()
    throw new Error('the tape is torn')
  })
  if (launched !== undefined) await store.launches.create(id, launched.value)
  t.equal(await freeGone(queue.context, store, inventory, () => true), 1)
  t.match((await store.jobs.get('j'))?.value, { ended: 'failed', why: /^the tape is torn/ })
})

t.test('a job that is put back has nothing, wherever that was cut', async (t) => {
  for (let [operations, isCut] = [0, true]; isCut; operations++) {
    const { memory, cluster, where, claims } = await launchedInMemory(t)
    const { store, queue } = cluster
    memory.awayAfter = operations
    isCut = await reclaim(queue.context, store, 'a', true).then(
      () => false,
      () => true,
    )
    Object.assign(memory, { isAway: false, awayAfter: undefined })
    await reclaim(queue.context, store, 'a', true)
    t.strictSame(where(), { ready: ['j'] }, `${operations} operations`)
    t.strictSame(await claims(), [])
    t.equal((await store.launches.list()).size, 0)
  }
})

t.test('what keeps a job from being put back is told, unless that is its item', async (t) => {
  const { cluster, where } = await launchedInMemory(t)
  const { store, queue } = cluster
  writeFileSync(`${queue.context.paths.hosts}/a/queue/none`, '')
  const away = new FsqError('FSQ_NATS', 'it is away')
  const launches = { ...store.launches, get: async () => Promise.reject(away) }
  await t.rejects(reclaim(queue.context, { ...store, launches }, 'a', true), away)
  t.match(await reclaim(queue.context, store, 'a', true), { returned: [/_j_/] })
  t.strictSame(where(), { ready: ['j'], 'a/queue': ['none'] })
})

t.test('a store that is away before a job begins costs it no try', async (t) => {
  const { memory, claim, executor } = await launchedInMemory(t)
  let ran = 0
  const executing = executor('a', () => {
    ran++
    memory.isAway = true
  })
  for (let operations = 0; ; operations++) {
    memory.awayAfter = operations
    using item = await claim()
    const result = await executing.run(item, new JobEnding())
    Object.assign(memory, { isAway: false, awayAfter: undefined })
    if ('unable' in result) continue
    t.strictSame(result, { returned: true }, `${operations} operations`)
    t.ok(operations > 5)
    break
  }
  t.equal(ran, 1)
})

t.test('a job that ended and could not be moved is not executed again', async (t) => {
  const { claim, executor } = await launchedInMemory(t)
  let ran = 0
  const executing = executor('a', () => ++ran)
  for (let i = 0; i < 2; i++) {
    using item = await claim()
    t.strictSame(await executing.run(item, new JobEnding()), { returned: true })
  }
  t.equal(ran, 1)
})

t.test('of a job that is stopped it is recorded that it does not run', async (t) => {
  const stopped = new FsqError('FSQ_STOPPED', 'the worker stopped')
  const cases: [name: string, isBack: boolean, run: object | undefined][] = [
    ['once the store is back', true, undefined],
    ['unless it is to end at once', false, { began: Number }],
  ]
  for (const [name, isBack, run] of cases) {
    const { memory, claim, executor, id, cluster } = await launchedInMemory(t)
    const begun = deferred<undefined>()
    const executing = executor('a', async (_, { signal }) => {
      memory.isAway = true
      begun.resolve(undefined)
      await once(signal, 'abort')
      throw stopped
    })
    using item = await claim()
    const ending = new JobEnding()
    const running = executing.run(item, ending)
    await begun.promise
    ending.ask(stopped)
    await new Promise(setImmediate)
    if (isBack) memory.isAway = false
    else ending.end()
    await running
    memory.isAway = false
    const launched = (await cluster.store.launches.get(id))?.value
    t.match(launched, { jobID: 'j', run }, name)
  }
})

t.test('nothing stays in memory of how a job was to be told to end', async (t) => {
  const { claim, executorOf } = await launchedInMemory(t)
  const signals: WeakRef<AbortSignal>[] = []
  const executing = executorOf('a', async ({ item }, { signal, kill, killed }) => {
    for (const each of [signal, kill]) {
      each.addEventListener('abort', () => t.fail('it is not to end'))
      signals.push(new WeakRef(each))
    }
    void killed.then(() => t.fail('it is not to end'))
    await item.success()
    return { returned: true }
  })
  const ending = new JobEnding()
  await executing.run(await claim(), ending)
  for (const signal of [ending.signal, ending.kill])
    t.strictSame(getEventListeners(signal, 'abort'), [])
  await new Promise(setImmediate)
  collectGarbage()
  t.strictSame(
    signals.map((each) => each.deref()),
    [undefined, undefined],
  )
})

t.test('a second file of the name of a job that runs gets nothing of it', async (t) => {
  const { submit, master, claims, where, cluster, events } = await place(t)
  const { id } = await submit({ jobID: 'j', server: 'a' })
  await master().pass(false)
  const { hosts, queue } = cluster.queue.context.paths
  copyFileSync(`${hosts}/a/queue/${id}`, `${queue}/${id}`)
  await master().pass(true)
  t.equal((await claims()).length, 3)
  t.strictSame(where(), { ready: ['j'], 'a/queue': ['j'] })
  t.ok(
    events.some((event) => event.type === 'trouble' && event.error.message.includes('is launched')),
  )
})

t.test(
  'a claim that is kept under the name of another thing is removed, and does no harm',
  async (t) => {
    const { submit, master, where, cluster } = await place(t)
    const { id } = await submit({ jobID: 'j', server: 'a' })
    const resource = { kind: 'drive', name: 'd2' } as const
    const claim = { resource, launch: 'x', jobID: 'j', item: id, server: 'a', bytes: 0, epoch: 1 }
    await cluster.store.claims.create('drive/d1', claim)
    await master().pass(true)
    t.strictSame(where(), { ready: [], 'a/queue': ['j'] })
  },
)

t.test('a job that cannot be moved to fail/ is not recorded as cancelled', async (t) => {
  const { submit, where, cluster } = await place(t)
  await submit({ jobID: 'j' })
  const { fail } = cluster.queue.context.paths
  rmSync(fail, { recursive: true })
  await t.rejects(cancelJob(cluster, 'j'), { name: 'FsqError' })
  t.same((await cluster.store.jobs.get('j'))?.value.ended, undefined)
  mkdirSync(fail)
  t.equal(await cancelJob(cluster, 'j'), 'cancelled')
  t.match((await cluster.store.jobs.get('j'))?.value, { ended: 'cancelled' })
  t.strictSame(where(), { ready: [], fail: ['j'] })
})

t.test('a server that does such jobs no more puts them back', async (t) => {
  const { submit, master, where, claims, executor, cluster } = await place(t)
  const { id } = await submit({ jobID: 'j', server: 'a', kind: 'restore', volume: 'V1' })
  await master().pass(false)
  using item = await cluster.queue.host('a').claim(id)
  const result = await executor('a', () => undefined).run(item, new JobEnding())
  t.strictSame(result, { stopped: true })
  t.strictSame(where(), { ready: ['j'] })
  t.strictSame(await claims(), [])
})

t.test('a launch that fails is not tried again before the sweep', async (t) => {
  const { submit, master, where, cluster, events } = await place(t)
  await submit({ jobID: 'j', server: 'a' })
  await cluster.queue.uninstallHost('a')
  const same = master()
  for (let i = 0; i < 3; i++) await same.pass(false)
  t.equal(events.filter(({ type }) => type === 'trouble').length, 1)
  await cluster.queue.installHost('a')
  await same.pass(true)
  t.strictSame(where(), { ready: [], 'a/queue': ['j'] })
})
