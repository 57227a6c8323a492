// { socket, queue, count, many, work }: adds jobs of 1 KiB, or works on them. A queue is a task here.
import { Logger, makeWorkerUtils, run as runWorker } from 'graphile-worker'
import pg from 'pg'
import { measured, task } from '../../programs/gate.mjs'

const logger = new Logger(() => () => undefined)
const pgPool = new pg.Pool({ host: task.socket, user: 'bench', database: 'postgres', max: 20 })
pgPool.on('error', () => undefined)
const utils = await makeWorkerUtils({ pgPool, logger })
await utils.migrate()
const payload = { body: 'x'.repeat(1024) }
const batch = 500

async function add(identifier, count) {
  if (task.many) {
    for (let left = count; left > 0; left -= batch) {
      await utils.addJobs(
        Array.from({ length: Math.min(left, batch) }, () => ({ identifier, payload })),
      )
    }
  } else {
    for (let i = 0; i < count; i++) await utils.addJob(identifier, payload)
  }
  return { count }
}

/** Ends when the database has been told of every job. */
async function work(identifier, count) {
  let done = 0
  const taskList = { [identifier]: async ({ body }) => body.length }
  const concurrency = task.many ? 64 : 1
  const worker = {
    concurrentJobs: concurrency,
    ...(task.many ? { localQueue: { size: 128 } } : {}),
  }
  const runner = await runWorker({
    pgPool,
    logger,
    taskList,
    noHandleSignals: true,
    preset: { worker },
  })
  await new Promise((resolve, reject) => {
    runner.events.on('job:error', ({ error }) => {
      reject(error)
    })
    runner.events.on('job:complete', () => {
      if (++done === count) resolve()
    })
  })
  const end = Number(process.hrtime.bigint())
  await runner.stop()
  return { count, end }
}

const practice = `practice-${task.queue}-${process.pid}`
await add(practice, 100)
if (task.work) await work(practice, 100)
await measured(() => (task.work ? work : add)(task.queue, task.count))
await utils.release()
await pgPool.end()
