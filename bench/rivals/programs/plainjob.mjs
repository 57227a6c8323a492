// { directory, synchronous, queue, count, many, work }: adds jobs of 1 KiB, or works on them.
import { DatabaseSync } from 'node:sqlite'
import { defineQueue, defineWorker } from 'plainjob'
import { measured, task } from '../../programs/gate.mjs'

const ignore = () => undefined
const silent = { debug: ignore, info: ignore, warn: ignore, error: console.error }
const data = { body: 'x'.repeat(1024) }
const batch = 500

/** plainjob wants better-sqlite3, which needs a compiler; this is what it uses of it. */
function open(name) {
  const filename = `${task.directory}/${name}.db`
  const database = new DatabaseSync(filename)
  const begin =
    (how, run) =>
    (...args) => {
      database.exec(how)
      const result = run(...args)
      database.exec('COMMIT')
      return result
    }
  const connection = {
    driver: 'better-sqlite3',
    filename,
    pragma: (text) => {
      database.exec(`PRAGMA ${text}`)
    },
    exec: (text) => {
      database.exec(text)
    },
    prepare: (text) => database.prepare(text),
    transaction: (run) => {
      const transaction = begin('BEGIN', run)
      return Object.assign(transaction, { immediate: begin('BEGIN IMMEDIATE', run) })
    },
    close: () => {
      database.close()
    },
  }
  const queue = defineQueue({ connection, logger: silent })
  connection.pragma(`synchronous = ${task.synchronous}`)
  return queue
}

function add(queue, count) {
  if (task.many) {
    for (let left = count; left > 0; left -= batch) {
      queue.addMany('job', Array(Math.min(left, batch)).fill(data))
    }
  } else {
    for (let i = 0; i < count; i++) queue.add('job', data)
  }
  return { count }
}

async function work(queue, count) {
  let done = 0
  const handle = async (job) => JSON.parse(job.data).body.length
  const worker = defineWorker('job', handle, {
    queue,
    logger: silent,
    onCompleted() {
      if (++done === count) worker.stop()
    },
    onFailed(_job, error) {
      throw new Error(error)
    },
  })
  await worker.start()
  return { count }
}

const practice = open(`practice-${task.queue}-${process.pid}`)
add(practice, 100)
if (task.work) await work(practice, 100)
practice.close()
const queue = open(task.queue)
await measured(() => (task.work ? work : add)(queue, task.count))
queue.close()
