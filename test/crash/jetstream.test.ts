import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import { openJetStream, setupQueues } from '../../lib/adapters/jetstream/index.js'
import { openRoot, type Root } from '../../lib/root/root.js'
import { eventually, type Started, startProgram } from '../helpers/cli.js'
import { natsCluster, natsServer, withoutNats } from '../helpers/nats.js'
import { entriesOf, temporaryDirectory } from '../helpers/temporary.js'
import { bound, random, seed } from './sample.js'

/*
 * Items travel from one machine to two others, through three NATS servers, while each of these in turn is
 * killed, or frozen, and started again. Each execution is a line in a file.
 *
 *   - every item is executed, and none twice: of the pool in both modes of acknowledgement, and of a named host
 *
 * That the stream is empty in the end is not asked for: after a kill servers keep messages that were
 * acknowledged, and deliver them again.
 */

const program = fileURLToPath(new URL('nats-role.mjs', import.meta.url))
const skip = withoutNats()

/** The queues, and how the two receivers take from each. */
const queues = {
  spooled: { pool: {} },
  finished: { pool: { ack: 'finished', lostAfter: 20 } },
  named: { to: 'h1' },
} as const
type QueueName = keyof typeof queues
const names = Object.keys(queues) as QueueName[]

/** An item that was executed. */
interface Execution {
  readonly queue: string
  readonly id: string
  readonly root: string
}

/** Machines, each with a root, and processes on them. */
function machines(t: Test, servers: readonly string[]) {
  const directory = temporaryDirectory(t)
  const log = `${directory}/executed`
  writeFileSync(log, '')
  const running = new Set<Started>()
  t.teardown(async () => {
    for (const each of running) each.kill('SIGKILL')
    await Promise.all([...running].map(({ exited }) => exited))
  })
  const all: { readonly what: string; readonly started: Started }[] = []
  t.teardown(() => {
    if (t.counts.fail === 0) return
    for (const { what, started } of all) t.comment(`${what}:\n${started.errors()}`)
  })
  let counted = { bytes: 0, lines: 0 }
  return {
    /** A root with the queues. */
    machine: async (name: string, install: readonly string[] = names): Promise<Root> => {
      const root = openRoot({ root: `${directory}/${name}` })
      for (const queue of install) await root.install(queue)
      return root
    },
    /** Starts a process. */
    start: (
      role: 'forward' | 'receive' | 'work',
      root: Root,
      queues: Readonly<Record<string, object>>,
      more: object = {},
    ): Started => {
      const task = { role, root: root.settings.root, servers, queues, log, ...more }
      const words = [program, JSON.stringify(task)]
      const started = startProgram(process.execPath, words, { timeout: 1_800_000 })
      running.add(started)
      all.push({ what: `${role} ${root.settings.root}`, started })
      void started.exited.then(() => running.delete(started))
      return started
    },
    /** How many lines the file has. */
    executed: (): number => {
      const text = readFileSync(log)
      let { bytes, lines } = counted
      for (; bytes < text.length; bytes++) if (text[bytes] === 10) lines++
      counted = { bytes, lines }
      return lines
    },
    executions: (): Execution[] =>
      readFileSync(log, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Execution),
  }
}

interface Judgement {
  readonly lost: string[]
  readonly twice: Execution[][]
  readonly foreign: string[]
}

/** What is wrong: items that were not executed, or more than once. */
function judge(ledger: ReadonlySet<string>, executions: readonly Execution[]): Judgement {
  const times = new Map<string, Execution[]>()
  for (const one of executions) {
    const key = `${one.queue} ${one.id}`
    times.set(key, [...(times.get(key) ?? []), one])
  }
  return {
    lost: [...ledger].filter((key) => !times.has(key)),
    twice: [...times.values()].filter(({ length }) => length > 1),
    foreign: [...times.keys()].filter((key) => !ledger.has(key)),
  }
}

/** Where items are that were not executed, and what the servers say of those that they have. */
async function whereIs(roots: Root[], lost: string[], servers: string[]): Promise<string> {
  const places = ['queue', 'done', 'fail', '.incoming/staged', '.incoming/linked']
  const lines = lost.slice(0, 20).map((key) => {
    const [queue = '', id = ''] = key.split(' ', 2)
    const found = roots.flatMap((root) =>
      places
        .map((place) => `${root.queue(queue).path}/${place}`)
        .filter((directory) => existsSync(`${directory}/${id}`)),
    )
    return `${key}: ${found.join(', ')}`
  })
  const connection = await connect({ servers })
  const manager = await jetstreamManager(connection)
  for (const name of ['spooled_any', 'finished_any', 'named_h1']) {
    const { num_pending, num_ack_pending, num_redelivered, num_waiting, delivered, ack_floor } =
      await manager.consumers.info('FSQ_WORK', name)
    const told = {
      num_pending,
      num_ack_pending,
      num_redelivered,
      num_waiting,
      delivered,
      ack_floor,
    }
    lines.push(`${name}: ${JSON.stringify(told)}`)
  }
  lines.push(JSON.stringify((await manager.streams.info('FSQ_WORK')).state))
  await connection.close()
  return `${lost.length} lost\n${lines.join('\n')}`
}

const nothingWrong = { lost: [], twice: [], foreign: [] }

t.test(`5,000 items through kills of all that is between (seed ${seed})`, { skip }, async (t) => {
  const next = random('jetstream')
  const cluster = await natsCluster(t)
  const { machine, start, executed, executions } = machines(t, cluster.urls)
  const near = await machine('near')
  const far = [await machine('far1'), await machine('far2')] as const

  const jetstream = openJetStream({ servers: cluster.urls })
  t.teardown(() => jetstream.close())
  const setup = async (): Promise<void> => {
    const options = { replicas: 3, hosts: ['h1'], ackWait: 5, maxDeliver: 1000 }
    await setupQueues(jetstream, names, options)
  }
  await setup()

  const pool = { spooled: queues.spooled.pool, finished: queues.finished.pool }
  const taken = [{ ...pool, named: { host: 'h1' } }, pool] as const
  const receiver = (at: 0 | 1, more: object = {}): Started =>
    start('receive', far[at], taken[at], more)
  const forwarder = (more: object = {}): Started =>
    start('forward', near, { spooled: {}, finished: {}, named: { to: 'h1' } }, more)
  const everything = { spooled: {}, finished: {}, named: {} }
  for (const root of far) start('work', root, everything)
  /**
   * nats-server 2.9.10 was seen to lose a consumer when all servers are killed, about once in 12 runs; later ones
   * have mended what looks like it (nats-io/nats-server#4412). A receiver ends with that, and what it tells the
   * operator to do has to be enough.
   */
  const supervised = (at: 0 | 1): Started => {
    const started = receiver(at)
    void started.ended.then(async ({ stderr }) => {
      if (travels.receivers[at] !== started || !/"fsq nats setup.* does that/.test(stderr)) return
      t.comment('the servers lost a consumer, which setup makes anew')
      await setup().catch(() => undefined) // Without a leader; the receiver will end with the same.
      travels.receivers[at] = supervised(at)
    })
    return started
  }
  const travels = { receivers: [supervised(0), supervised(1)], forwarder: forwarder() }

  const ledger = new Set<string>()
  const produce = async (count: number): Promise<void> => {
    for (const name of names) {
      const items = Array.from({ length: Math.ceil(count / names.length) }, (_, i) => ({
        body: `body ${ledger.size + i}`.repeat(i % 50),
        arguments: [String(ledger.size + i), 'ä/%'],
      }))
      for (const id of await near.queue(name).enqueueMany(items)) ledger.add(`${name} ${id}`)
    }
  }
  /** So many more are executed. */
  const moreExecuted = async (count: number, patience?: number): Promise<void> => {
    const before = executed()
    await eventually(() => executed() >= Math.min(before + count, ledger.size), patience)
  }
  /** Whether all servers were killed a moment ago: they may not agree on a leader before the last one is back. */
  let areBack = false
  const moreWithoutLeader = async (): Promise<void> => {
    await moreExecuted(100, 20_000).catch(() => {
      t.comment('the others found no leader within 20 s')
    })
  }

  const disasters: Record<string, () => Promise<void>> = {
    'the leader of the stream is killed': async () => {
      const leader = await cluster.leaderOf('FSQ_WORK')
      await leader.kill()
      await (areBack ? moreWithoutLeader() : moreExecuted(100))
      areBack = false
      await leader.start()
      await cluster.met()
    },
    'a receiver is killed': async () => {
      const at = next() < 0.5 ? 0 : 1
      travels.receivers[at]?.kill('SIGKILL')
      await travels.receivers[at]?.exited
      travels.receivers[at] = supervised(at)
    },
    'the forwarder is killed': async () => {
      travels.forwarder.kill('SIGKILL')
      await travels.forwarder.exited
      travels.forwarder = forwarder()
    },
    'the leader is cut off': async () => {
      const leader = await cluster.leaderOf('FSQ_WORK')
      leader.pause()
      await moreExecuted(100)
      leader.resume()
    },
    'all servers are killed': async () => {
      await Promise.all(cluster.servers.map((server) => server.kill()))
      await Promise.all(cluster.servers.map((server) => server.start()))
      await cluster.met()
      areBack = true
    },
  }
  const rounds = bound(1)
  const all = Array.from({ length: rounds }, () => Object.entries(disasters)).flat()
  for (const [name, strike] of all) {
    await produce(Math.floor((5000 * rounds) / (all.length + 1)))
    await moreExecuted(Math.floor(next() * 300))
    const [before, began] = [executed(), performance.now()]
    await strike()
    await moreExecuted(100)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    t.comment(`${name}: ${ledger.size - before} under way, ${seconds} s`)
  }
  await produce(5000 * rounds - ledger.size)
  try {
    // Servers that were all killed take their time, and give a message to others only after a while.
    await eventually(() => executed() >= ledger.size, 180_000)
  } catch (error) {
    t.comment(await whereIs([near, ...far], judge(ledger, executions()).lost, cluster.urls))
    throw error
  }

  for (const each of [travels.forwarder, ...travels.receivers]) {
    each.kill('SIGTERM')
    const { status, stderr } = await each.ended
    t.equal(status, 0, stderr)
  }
  t.strictSame(await forwarder({ follow: false }).ended.then(({ status }) => status), 0)
  for (const name of names) t.strictSame(entriesOf(near.queue(name).context.paths.queue), [], name)
  // What is delivered once more, now that nothing else goes on.
  for (const at of [0, 1] as const) {
    const { status, stderr } = await receiver(at, { follow: false }).ended
    t.equal(status, 0, stderr)
  }
  await eventually(() =>
    far.every((root) =>
      names.every((name) => entriesOf(root.queue(name).context.paths.queue).length === 0),
    ),
  )
  t.strictSame(judge(ledger, executions()), nothingWrong)
  t.ok(ledger.size >= 5000 * rounds, `${ledger.size} items`)

  const connection = await connect({ servers: cluster.urls })
  t.teardown(() => connection.close())
  const { streams } = await jetstreamManager(connection)
  t.equal((await streams.info('FSQ_DEAD')).state.messages, 0, 'none was given up')
})

t.test('what a receiver has that is lost for good is done elsewhere', { skip }, async (t) => {
  const server = await natsServer(t)
  const { machine, start, executed, executions } = machines(t, [server.url])
  const [near, lost, other] = [
    await machine('near', ['q']),
    await machine('lost', ['q']),
    await machine('other', ['q']),
  ]
  const jetstream = openJetStream({ servers: server.url })
  t.teardown(() => jetstream.close())
  await setupQueues(jetstream, ['q'], { ackWait: 2 })
  const ids = await near.queue('q').enqueueMany(Array.from({ length: 200 }, () => ({ body: 'b' })))
  const finished = { ack: 'finished', lostAfter: 3 }
  const receiver = start('receive', lost, { q: { ...finished, depth: 100 } })
  start('forward', near, { q: {} })
  const { queue } = lost.queue('q').context.paths
  await eventually(() => entriesOf(queue).length === 100)
  receiver.kill('SIGKILL')
  await receiver.exited

  start('receive', other, { q: finished })
  start('work', other, { q: {} })
  await eventually(() => executed() >= ids.length)
  const ledger = new Set(ids.map((id) => `q ${id}`))
  t.strictSame(judge(ledger, executions()), nothingWrong)

  // It was not lost for good after all.
  const { status, stderr } = await start('receive', lost, { q: finished }, { follow: false }).ended
  t.equal(status, 0, stderr)
  t.strictSame(entriesOf(queue), [], 'it gives up what others have done')
})
