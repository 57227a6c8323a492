import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  cancelJob,
  clusterStatus,
  disableServer,
  dryRun,
  enableServer,
  explainJob,
  type JobHandler,
  planOnce,
  releaseJob,
  runAgain,
  serveCluster,
  submitJob,
} from '../../../lib/adapters/nxqueue/index.js'
import { launchJob } from '../../../lib/adapters/nxqueue/launch-job.js'
import { ReadyJobsReader } from '../../../lib/adapters/nxqueue/ready-jobs.js'
import type { JobRecord } from '../../../lib/adapters/nxqueue/store.js'
import { deferred } from '../../../lib/deferred.js'
import { eventually } from '../../helpers/cli.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { smallInventory, testCluster } from '../../helpers/nxqueue.js'
import { overflowing } from '../../helpers/timers.js'

const nothing: JobHandler = () => undefined

t.test('jobs are executed as they are submitted, and the idle master makes no pass', async (t) => {
  const it = await testCluster(t)
  const { cluster, serve, settled, where, claims } = it
  const did: string[] = []
  const server = serve({
    server: 'a',
    work: {
      archive: ({ jobID, onVolume, inDrive }) =>
        did.push(`${jobID} ${onVolume?.name} ${inDrive?.name}`),
      other: ({ jobID, details }) => did.push(`${jobID} ${JSON.stringify(details)}`),
    },
  })
  await eventually(() => server.count('master') === 1 && server.count('pass') > 0)
  await submitJob(cluster, { kind: 'archive', jobID: 'x', group: 'g', bytes: 10 })
  await submitJob(cluster, { kind: 'other', jobID: 'y', details: { a: 1 } })
  await eventually(() => did.length === 2)
  await settled()
  t.strictSame(did.sort(), ['x V1 d1', 'y {"a":1}'])
  t.strictSame(where(), { ready: [], 'a/done': ['x', 'y'] })
  t.strictSame(await claims(), [])
  await setTimeout(500) // What was freed is told of a moment later.
  const passes = server.count('pass')
  await setTimeout(2500)
  t.equal(server.count('pass'), passes, 'although presences are renewed meanwhile')
  const { done, launched } = await server.stop()
  t.match({ done, launched }, { done: 2, launched: 2 })
})

t.test('sweeps may be further apart than a timer of Node.js can wait', async (t) => {
  const { serve } = await testCluster(t)
  const warnings = await overflowing(async () => {
    const server = serve({ server: 'a', work: {}, sweep: 30 * 24 * 3600 })
    await eventually(() => server.count('pass') > 0)
  })
  t.strictSame(warnings, [])
})

t.test('a job waits for the jobs that it comes after', async (t) => {
  const { cluster, serve, settled, where } = await testCluster(t)
  const order: string[] = []
  serve({
    server: 'a',
    backoff: [0],
    work: {
      other: ({ jobID, item }) => {
        order.push(jobID)
        if (jobID === 'bad') return item.failPerm()
      },
    },
  })
  await submitJob(cluster, { kind: 'other', jobID: 'third', after: ['second', 'first'] })
  await submitJob(cluster, { kind: 'other', jobID: 'never', after: ['bad'] })
  await submitJob(cluster, { kind: 'other', jobID: 'second', after: ['first'] })
  await submitJob(cluster, { kind: 'other', jobID: 'bad' })
  await submitJob(cluster, { kind: 'other', jobID: 'first', priority: 0 })
  await eventually(() => where()['a/done']?.length === 3 && where()['a/fail']?.length === 1)
  t.strictSame(
    order.filter((each) => each !== 'bad'),
    ['first', 'second', 'third'],
  )
  const waits = await explainJob(cluster, 'never')
  t.match(waits, { state: 'ready', reasons: [{ code: 'DependencyFailed', isForPerson: true }] })
  await cancelJob(cluster, 'never')
  await settled()
  await runAgain(cluster, 'bad')
  await eventually(() => order.filter((each) => each === 'bad').length === 2)
})

t.test('what needs the same waits, and is launched when that is free', async (t) => {
  const { cluster, serve, settled } = await testCluster(t)
  const gates = new Map<string, ReturnType<typeof deferred<undefined>>>()
  let most = 0
  serve({
    server: 'a',
    work: {
      archive: async ({ jobID }) => {
        const gate = deferred<undefined>()
        gates.set(jobID, gate)
        most = Math.max(most, gates.size)
        await gate.promise
        gates.delete(jobID)
      },
    },
  })
  const job = { kind: 'archive', volume: 'V1', bytes: 600 } as const
  for (const jobID of ['one', 'two', 'three']) await submitJob(cluster, { ...job, jobID })
  await eventually(() => gates.has('one'))
  t.match(await explainJob(cluster, 'two'), {
    state: 'ready',
    reasons: [{ code: 'WaitCapacity' }, { code: 'WaitVolume' }],
  })
  t.match(await explainJob(cluster, 'one'), { state: 'running', volume: 'V1', server: 'a' })
  gates.get('one')?.resolve(undefined)
  await eventually(() => gates.size === 0)
  await cancelJob(cluster, 'two').catch(() => undefined)
  const { waiting } = await dryRun(cluster)
  t.match(
    waiting,
    [{ job: { jobID: 'three' }, reasons: [{ code: 'NoRoom' }] }],
    '600 of 1000 are used',
  )
  await cancelJob(cluster, 'three')
  await settled()
  t.equal(most, 1)
})

t.test('a job that runs is ended when it is cancelled', async (t) => {
  const { cluster, serve, settled, where } = await testCluster(t)
  const begun = deferred<undefined>()
  serve({
    server: 'a',
    work: {
      other: async (_, { signal }) => {
        begun.resolve(undefined)
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error)
          })
        })
      },
    },
  })
  await submitJob(cluster, { kind: 'other', jobID: 'x' })
  await begun.promise
  await t.rejects(releaseJob(cluster, 'x'), {
    code: 'FSQ_ITEM_LOCKED',
    message: 'x runs, and is not lost: "fsq nxqueue cancel x" ends it',
  })
  t.equal(await cancelJob(cluster, 'x'), 'ending')
  await settled()
  t.strictSame(where(), { ready: [], 'a/fail': ['x'] })
  t.match(await explainJob(cluster, 'x'), { state: 'cancelled', server: 'a' })
})

t.test('what a job has is freed once it ends that was taken away while it ran', async (t) => {
  const { cluster, serve, claims } = await testCluster(t)
  const [begun, mayEnd] = [deferred<string>(), deferred<undefined>()]
  let looks = 0
  const { store } = cluster
  const list = store.launches.list.bind(store.launches)
  store.launches.list = async () => {
    looks++
    return list()
  }
  const server = serve({
    server: 'a',
    sweep: 0.05,
    work: {
      other: async ({ item }) => {
        begun.resolve(`${item.context.paths.queue}/${item.id}`)
        await mayEnd.promise
      },
    },
  })
  await submitJob(cluster, { kind: 'other', jobID: 'x', volume: 'D' })
  rmSync(await begun.promise)
  looks = 0
  await eventually(() => looks > 10)
  t.equal((await claims()).length, 2, 'not before')
  mayEnd.resolve(undefined)
  await eventually(() => server.count('error') > 0)
  while ((await claims()).length > 0) await setTimeout(10)
})

t.test('a job that ends while the store is away is executed once', async (t) => {
  const memory = new MemoryPlace()
  const { cluster, serve, settled, where } = await testCluster(t, ['a'], memory.open())
  let ran = 0
  const server = serve({
    server: 'a',
    sweep: 0.2,
    work: {
      other: () => {
        ran++
        memory.isAway = true
      },
    },
  })
  await submitJob(cluster, { kind: 'other', jobID: 'x' })
  await eventually(() => server.count('done') === 1 && server.count('trouble') > 0)
  memory.isAway = false
  await settled()
  t.strictSame(where(), { ready: [], 'a/done': ['x'] })
  t.match((await cluster.store.jobs.get('x'))?.value, { ended: 'completed', server: 'a' })
  t.equal(ran, 1)
})

/** A job that was launched to server a, and not begun, of a cluster whose store is in memory. */
async function launchedInMemory(t: Test) {
  const memory = new MemoryPlace()
  const it = await testCluster(t, ['a'], memory.open())
  const { queue, store } = it.cluster
  const { id: item } = await submitJob(it.cluster, { kind: 'archive', jobID: 'x', volume: 'V1' })
  await queue.installHost('a')
  const [job] = (await new ReadyJobsReader(queue.context).read()).jobs
  if (job === undefined) throw new Error('there is no job')
  const launch = { job, volume: 'V1', volumePlace: 0, drive: 'd1', from: undefined, bytes: 0 }
  await launchJob(queue.context, store, { ...launch, server: 'a', serverPlace: 0 }, 1, 0)
  return { ...it, memory, item }
}

t.test('what a job has is freed though it was cut while it was cancelled', async (t) => {
  const { memory, cluster, serve, where, settled } = await launchedInMemory(t)
  for (let operations = 0; where()['a/fail'] === undefined; operations++) {
    memory.awayAfter = operations
    await t.rejects(cancelJob(cluster, 'x'), { message: 'it is away' })
    Object.assign(memory, { isAway: false, awayAfter: undefined })
  }
  serve({ server: 'a', work: { archive: nothing } })
  await settled()
  t.strictSame(where(), { ready: [], 'a/fail': ['x'] })
  t.match((await cluster.store.jobs.get('x'))?.value, { ended: 'failed' })
})

t.test('a sweep leaves a job whose end is being recorded', async (t) => {
  const keyValues = new MemoryPlace().open()
  const [recording, mayBeRecorded] = [deferred<undefined>(), deferred<undefined>()]
  let [looks, records] = [0, 0]
  const { cluster, serve, settled } = await testCluster(t, ['a'], {
    ...keyValues,
    entries<T>(name: string) {
      const entries = keyValues.entries<T>(name)
      const list: typeof entries.list = async () => {
        if (name === 'launches') looks++
        return entries.list()
      }
      const replace: typeof entries.replace = async (key, value, revision) => {
        if ((value as JobRecord).ended !== undefined) {
          records++
          recording.resolve(undefined)
          await mayBeRecorded.promise
        }
        return entries.replace(key, value, revision)
      }
      return { ...entries, list, replace }
    },
  })
  const fails: JobHandler = async ({ item }) => {
    await item.failPerm()
    throw new Error('the tape is torn')
  }
  serve({ server: 'a', sweep: 0.02, work: { other: fails } })
  await submitJob(cluster, { kind: 'other', jobID: 'x' })
  await recording.promise
  looks = 0
  await eventually(() => looks > 10)
  t.equal(records, 1)
  mayBeRecorded.resolve(undefined)
  await settled()
  t.match(await explainJob(cluster, 'x'), { state: 'failed', why: /^the tape is torn/ })
})

t.test(
  'what a disabled server was running when it was lost is released, but what is locked',
  async (t) => {
    const { cluster, serve, where } = await testCluster(t)
    const { queue, store } = cluster
    await queue.installHost('a')
    for (const jobID of ['x', 'y', 'z']) await submitJob(cluster, { kind: 'other', jobID })
    for (const [serverPlace, job] of (
      await new ReadyJobsReader(queue.context).read()
    ).jobs.entries()) {
      const launch = { job, server: 'a', serverPlace, volume: undefined, volumePlace: undefined }
      await launchJob(
        queue.context,
        store,
        { ...launch, drive: undefined, from: undefined, bytes: 0 },
        1,
        0,
      )
    }
    const service = { pid: 1, boot: 'another', startTicks: 1 }
    const launches = await store.launches.list()
    for (const [id, { value, revision }] of launches)
      await store.launches.replace(id, { ...value, run: { service, began: 0 } }, revision)
    await queue.downHost('a')
    const [locked = ''] = launches.keys()
    const item = await queue.host('a').claim(locked)
    const server = serve({ server: 'a', work: {} })
    await eventually(() => server.count('inventory') > 0)
    await eventually(() => where()['ready']?.length === 2)
    t.equal(where()['a/queue']?.length, 1)
    item.close()
  },
)

t.test('a service that is to stop while another has its name ends without an error', async (t) => {
  const memory = new MemoryPlace()
  const { serve } = await testCluster(t, ['a'], memory.open())
  const first = serve({ server: 'a', work: {} })
  await eventually(() => first.count('master') === 1)
  const counts = { done: 0, failed: 0, retried: 0, left: 0, passes: 0, launched: 0 }
  t.strictSame(await serve({ server: 'a', work: {} }).stop(), counts)
})

t.test('a server whose name another service has by now executes nothing more', async (t) => {
  const memory = new MemoryPlace()
  const { cluster, inventoryPath: inventory, where } = await testCluster(t, ['a'], memory.open())
  const isMaster = deferred<undefined>()
  const served = serveCluster(cluster, {
    ...{ server: 'a', inventory, work: { other: nothing } },
    onEvent: ({ type }) => {
      if (type === 'master') isMaster.resolve(undefined)
    },
  })
  await isMaster.promise
  const name = memory.held.find((each) => each.startsWith('server-')) ?? ''
  memory.takeAway(name)
  t.ok(await memory.open().hold(name, 'another'))
  const error = { code: 'FSQ_NXQUEUE', message: 'another service serves a: end that first' }
  await t.rejects(served, error)
  await submitJob(cluster, { kind: 'other', jobID: 'x' })
  t.strictSame(where(), { ready: ['x'] })
})

t.test('three servers share the work, and another is master when the first goes', async (t) => {
  const { cluster, serve, settled, where, claims } = await testCluster(t, ['a', 'b', 'c'])
  const work = { archive: nothing, other: nothing }
  const [a, b, c] = ['a', 'b', 'c'].map((server) => serve({ server, work, sweep: 5 }))
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three')
  await eventually(() => a.count('master') === 1)
  await eventually(() => a.count('present') === 3)
  for (let i = 0; i < 9; i++) await submitJob(cluster, { kind: 'other', jobID: `x${i}` })
  await settled()
  t.strictSame(Object.keys(where()).sort(), ['a/done', 'b/done', 'c/done', 'ready'])
  await a.stop()
  await eventually(() => b.count('master') === 1)
  await submitJob(cluster, { kind: 'archive', jobID: 'y', group: 'g' })
  await settled()
  t.notOk(where()['a/done']?.includes('y'))
  await disableServer(cluster, 'b')
  await eventually(() => c.count('master') === 1, 20_000)
  t.match(await clusterStatus(cluster), {
    servers: [
      { name: 'a', state: 'absent', isMaster: false },
      { name: 'b', state: 'disabled', isMaster: false },
      { name: 'c', state: 'present', isMaster: true },
    ],
  })
  await submitJob(cluster, { kind: 'other', jobID: 'z' })
  await settled()
  t.ok(where()['c/done']?.includes('z'))
  await enableServer(cluster, 'b')
  await eventually(() => b.count('master') === 2, 20_000)
  t.strictSame(await claims(), [])
})

t.test('an edit of the inventory is used at once; a bad one is not', async (t) => {
  const { cluster, serve, settled, edit, inventoryPath } = await testCluster(t)
  const server = serve({ server: 'a', work: { archive: nothing } })
  await eventually(() => server.count('pass') > 0)
  await submitJob(cluster, { kind: 'archive', jobID: 'x', group: 'new' })
  await eventually(() => server.count('pass') > 1)
  t.match(await explainJob(cluster, 'x'), { reasons: [{ code: 'NoSuchGroup' }] })
  edit('servers: [{ name: a')
  await eventually(() => server.count('trouble') === 1)
  const refused = async () => (await clusterStatus(cluster)).inventory.refused
  while ((await refused()) === undefined) await setTimeout(10)
  t.match(await refused(), /inventory.json:1/)
  const volume = { name: 'N', state: 1, changer: 'c', group: 'new', generation: 6, capacity: 9 }
  const { groups, volumes, ...rest } = smallInventory() as Record<string, object[]>
  const edited = {
    ...rest,
    groups: [{ name: 'new' }, ...(groups ?? [])],
    volumes: [volume, ...(volumes ?? [])],
  }
  edit(edited)
  await settled()
  t.match(await explainJob(cluster, 'x'), { state: 'completed' })
  t.equal(await refused(), undefined)
  rmSync(inventoryPath)
  await eventually(() => server.count('trouble') === 2)
  await server.stop()
  const other = serve({ server: 'a', work: { archive: nothing } })
  await eventually(() => other.count('pass') > 0)
  t.equal(other.count('trouble'), 1, 'the last good one is used after a restart, too')
  writeFileSync(inventoryPath, JSON.stringify(edited))
})

t.test('a server that has no inventory, or is not in it, does not begin', async (t) => {
  const { cluster, edit, inventoryPath: inventory } = await testCluster(t)
  const start = async (server: string) => serveCluster(cluster, { server, inventory, work: {} })
  await t.rejects(start('z'), { code: 'FSQ_NXQUEUE', message: /it has a$/ })
  edit('{')
  await t.rejects(start('a'), { code: 'FSQ_NXQUEUE_INVENTORY' })
  const options = { server: 'a', work: {} }
  await t.rejects(serveCluster(cluster, options), { code: 'FSQ_NXQUEUE', message: /no inventory/ })
  await t.rejects(planOnce(cluster), { code: 'FSQ_NXQUEUE' })
  await t.rejects(releaseJob(cluster, 'x'), { code: 'FSQ_NO_ITEM' })
})
