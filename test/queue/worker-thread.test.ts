import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { openRoot } from '../../lib/index.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const library = new URL('../../dist/index.js', import.meta.url).href

/** A queue with some items, and a thread that does something with them. */
async function threadOn(t: Test, source: string) {
  const root = openRoot({ root: temporaryDirectory(t) })
  const queue = await root.install('mail')
  const ids: string[] = []
  for (const body of ['a', 'b', 'c']) ids.push(await queue.enqueue(body))
  const thread = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    process.on('warning', ({ message }) => parentPort.postMessage(message))
    import('${library}').then(async ({ openRoot }) => {
      const queue = openRoot({ root: workerData.root }).queue('mail')
      ${source}
    })`,
    { eval: true, workerData: { root: root.settings.root } },
  )
  t.teardown(async () => thread.terminate())
  return { queue, ids, thread }
}

t.test('a thread that is ended gives up the locks of the items that it works on', async (t) => {
  const { queue, ids, thread } = await threadOn(
    t,
    `globalThis.items = []
    for await (const item of queue.scan()) {
      items.push(item)
      if (items.length < 3) continue
      parentPort.postMessage('locked')
      await new Promise(() => setInterval(() => undefined, 1000))
    }`,
  )
  t.strictSame(await once(thread, 'message'), ['locked'])
  for (const id of ids) await t.rejects(queue.claim(id), { code: 'FSQ_ITEM_LOCKED' })
  await thread.terminate()
  for (const id of ids) (await queue.claim(id)).close()
})

t.test('a thread finishes items without a warning', async (t) => {
  const { queue, thread } = await threadOn(
    t,
    `for await (const item of queue.scan()) await item.done()
    parentPort.postMessage('finished')`,
  )
  const messages: unknown[] = []
  thread.on('message', (message) => messages.push(message))
  await once(thread, 'exit')
  t.strictSame(messages, ['finished'])
  for await (const item of queue.scan()) t.fail(item.id)
})
