import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { jetStreamKeyValues, openJetStream } from '../../lib/adapters/jetstream/index.js'
import {
  cancelJob,
  type Cluster,
  clusterStatus,
  dryRun,
  explainJob,
  openCluster,
  releaseJob,
  runAgain,
  serveCluster,
  type ServiceEvent,
  submitJob,
} from '../../lib/adapters/nxqueue/index.js'
import { JobCarrier } from '../../lib/cli/carry-jobs.js'
import { eventually } from '../helpers/cli.js'
import { natsServer, withoutNats } from '../helpers/nats.js'
import { smallInventory } from '../helpers/nxqueue.js'
import { temporaryDirectory, temporaryQueue } from '../helpers/temporary.js'

/** A machine: a root of its own, and a server of the cluster on it. */
interface Machine {
  readonly name: string
  readonly cluster: Cluster
  readonly events: ServiceEvent[]
  readonly errors: unknown[]
  /** The jobIDs that were executed here. */
  readonly executed: string[]
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** What the drives and volumes of all machines are doing: never two jobs at once. */
class Library {
  readonly #busy = new Map<string, string>()
  readonly conflicts: string[] = []
  /** How long a job takes, in milliseconds. */
  takes = 20

  async use(jobID: string, things: readonly (string | undefined)[]): Promise<void> {
    const used = things.filter((thing) => thing !== undefined)
    for (const thing of used) {
      const other = this.#busy.get(thing)
      if (other !== undefined) this.conflicts.push(`${thing}: ${other} and ${jobID}`)
      this.#busy.set(thing, jobID)
    }
    await new Promise((resolve) => setTimeout(resolve, this.takes))
    for (const thing of used) this.#busy.delete(thing)
  }
}

async function machine(
  t: Test,
  name: string,
  servers: readonly string[],
  url: string,
  inventory: string,
  library: Library,
  fails: (jobID: string) => boolean,
): Promise<Machine> {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const jetStream = openJetStream({ servers: url })
  const cluster = openCluster(queue, { keyValues: jetStreamKeyValues(jetStream, queue.name) })
  const events: ServiceEvent[] = []
  const errors: unknown[] = []
  const executed: string[] = []
  let stop = async (): Promise<void> => {
    await cluster.keyValues[Symbol.asyncDispose]()
    await jetStream.close()
  }
  t.teardown(async () => stop())
  const carrier = new JobCarrier({
    ...{ queue, jetStream, server: name, servers },
    onEvent: (_, event) => {
      if (event.type === 'error') errors.push(event.error)
    },
    onError: (error) => {
      errors.push(error)
    },
  })
  return {
    name,
    cluster,
    events,
    errors,
    executed,
    start: async () => {
      await carrier.start()
      const ending = new AbortController()
      const served = serveCluster(cluster, {
        ...{ server: name, inventory, signal: ending.signal, drain: 5, lostAfter: 2 },
        backoff: { base: 0.1 },
        work: {
          archive: async ({ jobID, inDrive, onVolume }, { signal }) => {
            if (jobID === 'endless') await untilAborted(signal)
            await library.use(jobID, [inDrive?.name, onVolume?.name])
            if (fails(jobID)) throw new Error('not this time')
            executed.push(jobID)
          },
        },
        onEvent: (event) => {
          events.push(event)
          if (event.type === 'master' || event.type === 'client')
            carrier.setMaster(event.type === 'master')
        },
      })
      const end = stop
      stop = async () => {
        stop = () => Promise.resolve()
        ending.abort()
        await served
        await carrier[Symbol.asyncDispose]()
        await end()
      }
    },
    stop: async () => stop(),
  }
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
}

async function claimed({ store }: Cluster): Promise<number> {
  return (await store.claims.list()).size + (await store.launches.list()).size
}

void t.test('jobs that are carried between machines', { skip: withoutNats() }, async (t) => {
  const nats = await natsServer(t)
  const inventory = `${temporaryDirectory(t)}/inventory.json`
  const servers = ['a', 'b', 'c']
  writeFileSync(inventory, JSON.stringify(smallInventory(servers)))
  const library = new Library()
  const tried = new Set<string>()
  const fails = (jobID: string): boolean => {
    const first = jobID.startsWith('again') && !tried.has(jobID)
    tried.add(jobID)
    return first
  }
  const [a, b, c] = (await Promise.all(
    servers.map((name) => machine(t, name, servers, nats.url, inventory, library, fails)),
  )) as [Machine, Machine, Machine]
  const executed = (): string[] => [a, b, c].flatMap((each) => each.executed).sort()
  const jobs = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  const submit = async (
    { cluster }: Machine,
    jobIDs: readonly string[],
    server?: string,
  ): Promise<void> => {
    for (const jobID of jobIDs)
      await submitJob(cluster, {
        ...{ jobID, kind: 'archive', group: 'g', bytes: 1 },
        ...(server !== undefined && { server }),
      })
  }
  const nothingClaimed = async (): Promise<void> => {
    while ((await claimed(c.cluster)) > 0);
  }

  await a.start()
  await eventually(() => a.events.some(({ type }) => type === 'master'))
  await b.start()
  await c.start()
  for (const client of [b, c])
    await eventually(() => client.events.some(({ type }) => type === 'client'))

  await t.test('run where there is a place, wherever they were submitted', async (t) => {
    await Promise.all([
      submit(a, jobs('a', 4)),
      submit(b, jobs('b', 8)),
      submit(c, jobs('c', 4)),
      submit(a, jobs('at-c', 2), 'c'),
      submit(c, jobs('at-b', 2), 'b'),
    ])
    await eventually(() => executed().length >= 20)
    const all = [jobs('a', 4), jobs('at-b', 2), jobs('at-c', 2), jobs('b', 8), jobs('c', 4)]
    t.strictSame(executed(), all.flat(), 'each once')
    t.ok(jobs('at-b', 2).every((jobID) => b.executed.includes(jobID)))
    t.ok(jobs('at-c', 2).every((jobID) => c.executed.includes(jobID)))
    t.strictSame(library.conflicts, [], 'no drive and no volume had two')
    await nothingClaimed()
  })

  await t.test('are tried again after they failed temporarily, elsewhere perhaps', async (t) => {
    for (const each of [a, b, c]) each.executed.length = 0
    await submit(b, jobs('again', 6))
    await submit(c, jobs('again-at-c', 2), 'c')
    await eventually(() => executed().length >= 8)
    t.strictSame(executed(), [...jobs('again-at-c', 2), ...jobs('again', 6)].sort())
    t.strictSame(library.conflicts, [])
    await nothingClaimed()
  })

  await t.test('are told of, and cancelled, on every machine', async (t) => {
    const until = async ({ cluster }: Machine, jobID: string, state: string): Promise<void> => {
      while ((await explainJob(cluster, jobID)).state !== state);
    }
    const cases: [name: string, jobID: string, there: object][] = [
      ['waits', 'waits', { state: 'elsewhere', master: 'a' }],
      ['runs', 'endless', { state: 'running', server: 'c' }],
    ]
    for (const [name, jobID, there] of cases) {
      const job = { jobID, kind: jobID === 'waits' ? 'other' : 'archive', group: 'g' } as const
      await submitJob(b.cluster, { ...job, server: 'c' })
      await until(a, jobID, jobID === 'waits' ? 'ready' : 'running')
      await until(b, jobID, jobID === 'waits' ? 'elsewhere' : 'running')
      for (const { cluster } of [b, c]) t.match(await explainJob(cluster, jobID), there, name)
      for (const { cluster } of [a, b])
        await t.rejects(runAgain(cluster, jobID), { message: /has not ended/ }, name)
      const release = {
        message:
          jobID === 'waits' ? /is not launched/ : /^endless is at c, which is at work.* cancel/,
      }
      for (const { cluster } of [a, b]) await t.rejects(releaseJob(cluster, jobID), release, name)
      if (jobID === 'waits') {
        for (const look of [clusterStatus, dryRun]) {
          t.match(await look(a.cluster), { isComplete: true, waiting: [{ job: { jobID } }] })
          t.match(await look(b.cluster), { isComplete: false, waiting: [] })
        }
      }
      const canceller = jobID === 'waits' ? b : a
      t.equal(await cancelJob(canceller.cluster, jobID), 'ending', name)
      const ended = { state: 'cancelled', ...(jobID === 'waits' ? {} : { server: 'c' }) }
      for (const each of [a, b, c]) {
        await until(each, jobID, 'cancelled')
        t.match(await explainJob(each.cluster, jobID), ended, `${name}, told at ${each.name}`)
        await t.rejects(cancelJob(each.cluster, jobID), { message: /was cancelled/ }, name)
      }
    }
    t.match(await explainJob(b.cluster, 'at-c0'), { state: 'completed', server: 'c' })
    await t.rejects(explainJob(b.cluster, 'nosuch'), { code: 'FSQ_NO_ITEM' })
    const elsewhere = { message: 'waits has ended on another machine: run it again there' }
    await t.rejects(runAgain(c.cluster, 'waits'), elsewhere)
    await nothingClaimed()
  })

  await t.test('go on when the master leaves', async (t) => {
    for (const each of [a, b, c]) each.executed.length = 0
    await submit(c, jobs('late', 6))
    await a.stop()
    await eventually(() => b.events.some(({ type }) => type === 'master'))
    await submit(c, jobs('later', 6))
    await eventually(() => executed().length >= 12)
    t.strictSame(executed(), [...jobs('late', 6), ...jobs('later', 6)].sort(), 'each once')
    t.strictSame(library.conflicts, [])
    await nothingClaimed()
  })

  for (const { errors, name } of [a, b, c])
    t.strictSame(errors, [], `nothing went wrong at ${name}`)
})
