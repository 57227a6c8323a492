/*
 * A program that does one operation on a queue, to be killed in the middle of it or to have its
 * system calls fail: `node operate.mjs OPERATION PHASE DIRECTORY`. The phase `set-up` makes the queue,
 * `act` does the operation. It tells what it does in DIRECTORY/ledger, outside of the queue.
 *
 * The operation lies between two marks that a trace shows. If it fails, the program says so, waits
 * for a line, and does it again.
 */
import { createHash } from 'node:crypto'
import { openSync, readSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { openRoot, pruneItems } from '../../dist/index.js'

const [, , operation, phase, directory] = process.argv
const root = openRoot({ root: `${directory}/root`, maxTries: 3 })
const queue = root.queue('q')
const ledger = openSync(`${directory}/ledger`, 'a')

function tell(event) {
  writeSync(ledger, `${JSON.stringify(event)}\n`)
}

function mark(name) {
  try {
    openSync(`/fsq-crash-test/${name}`)
  } catch {
    // Only the attempt is wanted.
  }
}

function sha256Of(body) {
  return createHash('sha256').update(body).digest('hex')
}

const enqueued = new Set()

/** Enqueues bodies, all in flight at the same time; `source` makes of each what is enqueued. */
async function enqueue(bodies, source = (body) => body) {
  const missing = bodies.filter((body) => !enqueued.has(body))
  const results = await Promise.allSettled(
    missing.map(async (body) => {
      const sha256 = sha256Of(body)
      tell({ event: 'enqueue', queue: 'q', sha256 })
      try {
        tell({ event: 'enqueued', queue: 'q', sha256, id: await queue.enqueue(source(body)) })
        enqueued.add(body)
      } catch (error) {
        tell({ event: 'refused', queue: 'q', sha256 })
        throw error
      }
    }),
  )
  for (const { reason } of results) if (reason !== undefined) throw reason
}

let item

/** Claims the first item, by a scan. */
async function claim() {
  let reason
  const scan = queue.scan({ onEvent: ({ error }) => (reason = error) })
  const { value } = await scan.next()
  if (value === undefined) throw reason ?? new Error('there is no item')
  return value
}

/** Claims the first item, once, works on it and finishes it. */
async function finish(operation, options) {
  item ??= await claim()
  const sha256 = sha256Of(await item.bytes())
  tell({ event: 'finish', queue: 'q', sha256, operation })
  const { state, id } = await item[operation](options)
  tell({ event: 'finished', queue: 'q', sha256, state, id })
}

/** Copies or links the first item to another queue. */
async function reenqueue(options) {
  item ??= await claim()
  const sha256 = sha256Of(await item.bytes())
  tell({ event: 'enqueue', queue: 'r', sha256 })
  try {
    await root.queue('r').reenqueue(item, options)
  } catch (error) {
    tell({ event: 'refused', queue: 'r', sha256 })
    throw error
  }
  tell({ event: 'enqueued', queue: 'r', sha256, id: item.id })
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
  prune: {
    async setUp() {
      await withItems()
      await finish('done')
    },
    async act() {
      const sha256 = sha256Of('first')
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
  uninstall: {
    setUp: () => root.install('q', { down: true }),
    async act() {
      tell({ event: 'uninstall', queue: 'q' })
      await root.uninstall('q')
      tell({ event: 'uninstalled', queue: 'q' })
    },
  },
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
