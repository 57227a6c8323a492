// { filespooler, queue, sequence, action, count, truth }: fills, lists or processes a queue of Filespooler.
import { pathToFileURL } from 'node:url'
import { measured, task } from './gate.mjs'

const { commandWork, openFilespooler, SequenceFile, timeNow } = await import(
  pathToFileURL(task.filespooler).href
)
const queue = openFilespooler(task.queue)

const actions = {
  async write() {
    const sequence = new SequenceFile(task.sequence)
    const payload = [Buffer.alloc(1024, 'x')]
    for (let at = 0; at < task.count; at++) {
      const job = { type: 'command', created: timeNow(), parameters: [], environment: [] }
      await queue.add({ ...job, sequence: await sequence.allocate() }, payload)
    }
    return task.count
  },
  list: async () => (await queue.list()).jobs.length,
  process: async ({ order }) => (await queue.process(commandWork([task.truth])(), { order })).done,
}

await measured(async () => {
  const count = await actions[task.action](task)
  if (count !== task.count) throw new Error(`${count} of ${task.count} jobs`)
  return { count }
})
