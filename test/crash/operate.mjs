/*
 * A program that does one operation on a queue, to be killed in the middle of it or to have its
 * system calls fail: `node operate.mjs OPERATION PHASE DIRECTORY`. The phase `set-up` makes the queue,
 * `act` does the operation. It tells what it does in DIRECTORY/ledger, outside of the queue.
 *
 * The operation lies between two marks that a trace shows. If it fails, the program says so, waits
 * for a line, and does it again.
 */
import { mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { chmod, mkdir, open, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { disperseItems, moveItems, openRoot, pruneItems, requeueItems } from '../../dist/index.js'
import * as told from './told.mjs'

const [, , operation, phase, directory] = process.argv
const root = openRoot({ root: `${directory}/root`, maxTries: 3 })
const queue = root.queue('q')
const tell = told.openLedger(`${directory}/ledger`)

function mark(name) {
  try {
    openSync(`/fsq-crash-test/${name}`)
  } catch {
    // Only the attempt is wanted.
  }
}

const enqueued = new Set()

/** Enqueues bodies that are not in yet, all in flight at the same time. */
async function enqueue(bodies, sourceOf = (body) => body, options = {}) {
  const missing = bodies.filter((body) => !enqueued.has(body))
  const results = await Promise.allSettled(
    missing.map(async (body) => {
      await told.enqueue(tell, queue, body, sourceOf(body), options)
      enqueued.add(body)
    }),
  )
  for (const { reason } of results) if (reason !== undefined) throw reason
}

let item
let scan

/** Claims the first item, once. */
async function claim(options) {
  if (item !== undefined) return
  let reason
  scan = queue.scan({ ...options, onEvent: ({ error }) => (reason = error) })
  const { value } = await scan.next()
  if (value === undefined) throw reason ?? new Error('there is no item')
  item = value
}

async function finish(method, options) {
  await claim()
  await told.finish(tell, item, method, options)
}

/** Tries the first item again, and claims it then. */
async function tryAgain() {
  await finish('retry')
  item = undefined
  await claim()
}

/** Copies or links the first item to another queue. */
async function reenqueue(options) {
  await claim()
  const what = { queue: 'r', sha256: told.sha256Of(await item.bytes()) }
  tell({ event: 'enqueue', ...what })
  try {
    await root.queue('r').reenqueue(item, options)
  } catch (error) {
    tell({ event: 'refused', ...what })
    throw error
  }
  tell({ event: 'enqueued', ...what, id: item.id })
}

/** Puts the item that was finished first back into queue/. */
async function requeue(options) {
  const finished = { queue: 'q', sha256: told.sha256Of('first') }
  tell({ event: 'requeue', ...finished })
  for await (const { from, id, error, newId } of requeueItems(queue, options)) {
    if (error !== undefined) {
      tell({ event: 'finished', ...finished, state: from, id })
      throw error
    }
    tell({ event: 'requeued', ...finished, id: newId })
  }
}

/** Puts the first item into host queues. */
async function distribute() {
  const sha256 = told.sha256Of('first')
  const hosts = ['a', 'b']
  for (const host of hosts) tell({ event: 'enqueue', queue: `q/hosts/${host}`, sha256 })
  tell({ event: 'finish', queue: 'q', sha256, operation: 'done' })
  let problem
  const onEvent = ({ type, error, id, outcome }) => {
    if (type !== 'distributed') problem ??= error ?? new Error(`${id} is ${type}`)
    if (outcome === undefined) return
    for (const host of hosts) tell({ event: 'enqueued', queue: `q/hosts/${host}`, sha256, id })
    tell({ event: 'finished', queue: 'q', sha256, state: outcome.state, id: outcome.id })
  }
  await queue.distribute({ onEvent })
  if (problem !== undefined) throw problem
}

/** Moves the first item to another queue. */
async function move() {
  const sha256 = told.sha256Of('first')
  tell({ event: 'move', queue: 'q', sha256 })
  tell({ event: 'enqueue', queue: 'r', sha256 })
  for await (const moved of moveItems(queue, root.queue('r'), { match: 'first' })) {
    if (moved.error !== undefined) {
      tell({ event: 'refused', queue: 'r', sha256 })
      tell({ event: 'enqueued', queue: 'q', sha256, id: moved.id })
      throw moved.error
    }
    tell({ event: 'enqueued', queue: 'r', sha256, id: moved.newId })
  }
}

/** Moves the first item to that of two queues in which nothing waits. */
async function disperse() {
  const sha256 = told.sha256Of('first')
  tell({ event: 'move', queue: 'q', sha256 })
  tell({ event: 'enqueue', queue: 's', sha256 })
  try {
    for await (const moved of disperseItems(queue, [root.queue('r'), root.queue('s')])) {
      if (moved.error !== undefined) throw moved.error
      tell({ event: 'enqueued', queue: 's', sha256, id: moved.newId })
    }
  } catch (error) {
    tell({ event: 'refused', queue: 's', sha256 })
    throw error
  }
}

/** Enqueues a batch of bodies that are not in yet. */
async function enqueueMany(bodies, syncfs, idOf) {
  const batch = openRoot({ root: `${directory}/root`, syncfs }).queue('q')
  const missing = bodies.filter((body) => !enqueued.has(body))
  await told.enqueueMany(
    (event) => {
      tell(event)
      const body = bodies.find((body) => told.sha256Of(body) === event.sha256)
      if (event.event === 'enqueued') enqueued.add(body)
    },
    batch,
    missing,
    idOf,
  )
}

/** A body that comes in pieces, the last of which is written on the thread pool. */
const pieces = ['in three ', 'pieces, ', 'the last of them large'.repeat(5000)]

const operations = {
  enqueue: {
    setUp: () => root.install('q'),
    act: () => enqueue(['the body']),
  },
  'enqueue of a stream': {
    setUp: () => root.install('q'),
    act: () => enqueue([pieces.join('')], () => Readable.from(pieces)),
  },
  'four enqueues in flight': {
    setUp: () => root.install('q'),
    act: () => enqueue(['one', 'two', 'three', 'four']),
  },
  'a batch': {
    setUp: () => root.install('q'),
    act: () => enqueueMany(['one', 'two', 'three'], 'never'),
  },
  'a batch with syncfs': {
    setUp: () => root.install('q'),
    act: () => enqueueMany(['one', 'two', 'three'], 'always'),
  },
  'enqueue with a key': {
    setUp: () => root.install('q'),
    act: () => enqueue(['the body'], undefined, { id: 'the key' }),
  },
  'enqueue with a key that was used': {
    async setUp() {
      await withKey()
      tell({ event: 'prune', queue: 'q', sha256: told.sha256Of('the old body') })
      await (await queue.scan().next()).value.done()
      await rm(queue.path + '/done', { recursive: true })
      await mkdir(queue.path + '/done')
      await chmod(queue.path + '/done', 0o2770)
    },
    act: () => enqueue(['the body'], undefined, { id: 'the key' }),
  },
  'enqueue that replaces by its key': {
    async setUp() {
      await withKey()
      tell({ event: 'prune', queue: 'q', sha256: told.sha256Of('the old body') })
    },
    act: () => enqueue(['the body'], undefined, { id: 'the key', onDuplicate: 'replace' }),
  },
  'a batch with a key': {
    setUp: () => root.install('q'),
    act: () => enqueueMany(['the body'], 'never', () => 'the key'),
  },
  'a batch with a key and syncfs': {
    setUp: () => root.install('q'),
    act: () => enqueueMany(['the body'], 'always', () => 'the key'),
  },
  'enqueue in order': {
    async setUp() {
      await root.install('q')
      await enqueue(['first'], undefined, { ordered: true })
    },
    act: () => enqueue(['the body'], undefined, { ordered: true }),
  },
  // What is left of an enqueue that was killed behind its link: the second item has a number on its way.
  'enqueue in order behind a kill': {
    async setUp() {
      await root.install('q')
      for (const body of ['first', 'second']) await enqueue([body], undefined, { ordered: true })
      writeFileSync(`${queue.path}/seq`, '2\n')
      writeFileSync(`${queue.path}/seq.temp`, '3\n')
    },
    act: () => enqueue(['the body'], undefined, { ordered: true }),
  },
  'first enqueue in order': {
    setUp: () => root.install('q'),
    act: () => enqueue(['the body'], undefined, { ordered: true }),
  },
  'done in order': {
    async setUp() {
      await root.install('q')
      for (const body of ['first', 'second']) await enqueue([body], undefined, { ordered: true })
    },
    async act() {
      await claim({ ordered: true })
      if (item.outcome === undefined) await told.finish(tell, item, 'done')
      await scan.return()
    },
  },
  'claim and done': {
    setUp: withItems,
    act: () => finish('done'),
  },
  'claim and fail': {
    setUp: withItems,
    act: () => finish('fail'),
  },
  'claim and retry': {
    setUp: withItems,
    act: () => finish('retry'),
  },
  'claim and retry, exhausted': {
    setUp: withItems,
    act: () => finish('retry', { maxTries: 1 }),
  },
  reenqueue: {
    async setUp() {
      await withItems()
      await root.install('r')
    },
    act: () => reenqueue({}),
  },
  'reenqueue by a link': {
    async setUp() {
      await withItems()
      await root.install('r')
    },
    act: () => reenqueue({ link: true }),
  },
  requeue: {
    async setUp() {
      await withItems()
      await tryAgain()
      await finish('fail')
      mkdirSync(queue.context.paths.output)
      writeFileSync(`${queue.context.paths.output}/${item.id}`, 'what it wrote')
    },
    act: () => requeue({}),
  },
  'requeue, fresh': {
    async setUp() {
      await withItems()
      await finish('done')
    },
    act: () => requeue({ from: 'done', fresh: true }),
  },
  move: {
    async setUp() {
      await root.install('q')
      await root.install('r')
      for (const body of ['first', 'second'])
        await told.enqueue(tell, queue, body, body, {}, [body])
    },
    act: move,
  },
  dispersal: {
    async setUp() {
      for (const name of ['q', 'r', 's']) await root.install(name)
      await told.enqueue(tell, root.queue('r'), 'other', 'other')
      await told.enqueue(tell, queue, 'first', 'first')
    },
    act: disperse,
  },
  prune: {
    async setUp() {
      await withItems()
      await finish('done')
    },
    async act() {
      const sha256 = told.sha256Of('first')
      tell({ event: 'prune', queue: 'q', sha256 })
      await pruneItems(queue, { now: new Date(Date.now() + 60_000), olderThan: 1 })
      tell({ event: 'pruned', queue: 'q', sha256 })
    },
  },
  install: {
    setUp: () => root.install('other'),
    async act() {
      tell({ event: 'install', queue: 'q' })
      await root.install('q', { down: true, triggered: true })
      tell({ event: 'installed', queue: 'q' })
    },
  },
  'install with hosts': {
    setUp: () => root.install('other'),
    async act() {
      tell({ event: 'install', queue: 'q' })
      await root.install('q', { hosts: ['a', 'b'], hostTriggered: true })
      tell({ event: 'installed', queue: 'q' })
    },
  },
  'install of a host queue': {
    setUp: () => root.install('q'),
    async act() {
      tell({ event: 'install', queue: 'q/hosts/a' })
      await queue.installHost('a')
      tell({ event: 'installed', queue: 'q/hosts/a' })
    },
  },
  distribution: {
    async setUp() {
      await root.install('q', { hosts: ['a', 'b'] })
      await enqueue(['first'])
    },
    act: distribute,
  },
  uninstall: {
    setUp: () => root.install('q', { down: true }),
    async act() {
      tell({ event: 'uninstall', queue: 'q' })
      await root.uninstall('q')
      tell({ event: 'uninstalled', queue: 'q' })
    },
  },
}

async function withKey() {
  await root.install('q')
  await enqueue(['the old body'], undefined, { id: 'the key' })
}

async function withItems() {
  await root.install('q')
  for (const body of ['first', 'second']) await enqueue([body])
}

async function attempt() {
  try {
    await operations[operation].act()
    return true
  } catch (error) {
    tell({ event: 'error', code: error.code, message: error.message })
    return false
  }
}

/**
 * strace counts the calls of a name by thread, but for all threads alike. What the pool does in the
 * operation gets higher numbers than any call of the main thread.
 */
async function moveCountersOfPool() {
  const file = await open(`${directory}/counters`, 'w+')
  for (let count = 0; count < 100; count++) {
    await file.write('.', 0)
    await file.write('.')
    await file.read(Buffer.alloc(1), 0, 1, 0)
    await file.sync()
  }
  await file.close()
}

if (phase === 'set-up') await operations[operation].setUp()
else {
  await moveCountersOfPool()
  mark('begin')
  const isDone = await attempt()
  mark('end')
  if (!isDone) {
    writeSync(1, 'failed\n')
    readSync(0, Buffer.alloc(1))
    await attempt()
  }
}
