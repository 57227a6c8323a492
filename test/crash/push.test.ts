import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { eventually, place, type Started } from '../helpers/cli.js'
import { entriesOf } from '../helpers/temporary.js'
import { bound, random, seed } from './sample.js'

/*
 * A pusher and a server, either of which is killed at any moment and started again, while items come.
 * The ledger is what the two queues hold, by names and bodies:
 *
 *   - at any time an item that is done here is there, with its bytes
 *   - in the end every item is done here, and there once, under its name; nothing else is there
 */

/** How often something is killed. */
const kills = bound(12)

/** Of the bodies: none, small, of several pieces, and one that is sent only when it is wanted. */
const sizes = [0, 1, 1024, 70_000, 1_500_000]

t.test(`${kills} kills of a pusher and a server (seed ${seed})`, async (t) => {
  const next = random('push')
  const here = await place(t)
  const { queue, root, directory } = here
  const inbox = await root.install('inbox')
  const address = `unix://${directory}/socket`
  const start = {
    server: () => here.start(['jsonrpcd', '--socket', `${directory}/socket`], { timeout: 600_000 }),
    pusher: () =>
      here.start(['push', '--all', '--follow', '-j', '3', address, 'q', 'inbox', '-'], {
        timeout: 600_000,
      }),
  }
  const running: Record<keyof typeof start, Started> = {
    server: start.server(),
    pusher: start.pusher(),
  }
  const ledger = new Map<string, Buffer>()
  const produce = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const body = Buffer.alloc(sizes[Math.floor(next() * sizes.length)] ?? 0)
      body.write(`body ${ledger.size}`)
      ledger.set(await queue.enqueue(body, [String(ledger.size), 'ä/%']), body)
    }
  }
  const { queue: there } = inbox.context.paths
  const arrived = (name: string): boolean => {
    const body = ledger.get(name)
    return body?.equals(readFileSync(`${there}/${name}`)) === true
  }
  const judged = new Set<string>()
  let wrong = 0
  const judge = (): void => {
    for (const name of entriesOf(queue.context.paths.done)) {
      if (judged.has(name)) continue
      judged.add(name)
      if (!arrived(name)) wrong++
    }
  }
  for (let i = 0; i < kills; i++) {
    await produce(Math.floor(next() * 8))
    await setTimeout(next() * 700)
    const victim = next() < 0.5 ? 'server' : 'pusher'
    running[victim].kill('SIGKILL')
    await running[victim].exited
    judge()
    if (next() < 0.3) await setTimeout(next() * 500)
    running[victim] = start[victim]()
  }
  await produce(3)
  await eventually(() => entriesOf(queue.context.paths.done).length === ledger.size)
  judge()
  t.equal(wrong, 0, 'none was done that was not there')
  t.equal(judged.size, ledger.size)
  t.strictSame(entriesOf(queue.context.paths.queue), [])
  t.strictSame(entriesOf(there), [...ledger.keys()].sort(), 'every item is there once')
  t.ok(ledger.size > kills, `${ledger.size} items`)
  for (const each of Object.values(running)) each.kill('SIGTERM')
  t.equal((await running.pusher.ended).status, 0)
  t.equal((await running.server.ended).status, 0)
})
