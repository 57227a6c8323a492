// { socket, queue, count, many, work }: adds jobs of 1 KiB, or works on them.
import { Queue, Worker } from 'bullmq'
import { measured, task } from '../../programs/gate.mjs'

const connection = { path: task.socket, maxRetriesPerRequest: null }
const data = { body: 'x'.repeat(1024) }
const batch = 500

async function add(name, count) {
  const queue = new Queue(name, { connection })
  await queue.waitUntilReady()
  const run = async () => {
    if (task.many) {
      for (let left = count; left > 0; left -= batch) {
        const jobs = Array.from({ length: Math.min(left, batch) }, () => ({ name: 'job', data }))
        await queue.addBulk(jobs)
      }
    } else {
      for (let i = 0; i < count; i++) await queue.add('job', data)
    }
    return { count }
  }
  return { run, close: () => queue.close() }
}

async function work(name, count) {
  const handle = async (job) => job.data.body.length
  const concurrency = task.many ? 64 : 1
  const worker = new Worker(name, handle, { connection, concurrency, autorun: false })
  await worker.waitUntilReady()
  const run = () =>
    new Promise((resolve, reject) => {
      let done = 0
      worker.on('failed', (_job, error) => {
        reject(error)
      })
      worker.on('completed', () => {
        if (++done === count) resolve({ count })
      })
      worker.run().catch(reject)
    })
  return { run, close: () => worker.close() }
}

const practice = `practice-${task.queue}-${process.pid}`
for (const make of task.work ? [add, work] : [add]) {
  const { run, close } = await make(practice, 100)
  await run()
  await close()
}
const { run, close } = await (task.work ? work : add)(task.queue, task.count)
await measured(run)
await close()
