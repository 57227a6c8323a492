// Enqueues with the library, then works: node library.mjs WAY SETTINGS ITEMS MOUNTED MARKS
import { bodyOf, prepare, sha256Of } from './prepare.mjs'

const [way, settings, items, mounted, marks] = process.argv.slice(2)
const { queue, mark } = await prepare(mounted, marks, JSON.parse(settings))
const atOnce = way === 'one by one' ? 1 : 8

/** Does something for each of a list, so many at a time. */
async function forEach(list, act) {
  const rest = list.values()
  const work = async () => {
    for (const each of rest) await act(each)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

const list = Array.from({ length: Number(items) }, (_, number) => ({ ...bodyOf(number), number }))
const acknowledge = ({ sha256 }, id) => mark('enqueued', { sha256, id })

if (way === 'batches') {
  for (let first = 0; first < list.length; first += atOnce) {
    const batch = list.slice(first, first + atOnce)
    const ids = await queue.enqueueMany(
      batch.map(({ body, number }) => ({ body, arguments: [number] })),
    )
    for (const [index, id] of ids.entries()) acknowledge(batch[index], id)
  }
} else {
  await forEach(list, async (item) =>
    acknowledge(item, await queue.enqueue(item.body, [item.number])),
  )
}

const finish = {
  done: (item) => item.done(),
  fail: (item) => item.failPerm(),
  retry: (item) => item.retry({ maxTries: 0, ttl: 0 }),
}
const operations = ['done', 'fail', 'retry', 'leave']

const claimed = []
for await (const item of queue.scan()) claimed.push(item)
await forEach(claimed, async (item) => {
  const operation = operations[Number(item.arguments[0]) % operations.length]
  if (operation === 'leave') return
  const sha256 = sha256Of(await item.bytes())
  mark('finishing', { sha256, operation })
  const { id } = await finish[operation](item)
  mark('finished', { sha256, id })
})
for (const item of claimed) item.close()
