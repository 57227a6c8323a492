import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { place, type Place, program, type Started, startProgram } from '../helpers/cli.js'
import { itemName } from '../helpers/entries.js'
import { type Sent, sendTo } from '../helpers/serve.js'
import { contentsOf, entriesOf } from '../helpers/temporary.js'
import { bound, random } from './sample.js'

/*
 * The receiving end is killed with -9 at any moment, again and again, while clients push to it. Each of
 * them sends an item until that is confirmed. Then what was confirmed is there, whole, under its name;
 * nothing is there that nobody sent; and what the killed ones left in tmp/ goes with repair.
 */

const kills = bound(12)

/** The longest that a server serves, in milliseconds. */
const longest = 120

interface Item {
  readonly id: string
  readonly body: string
}

/** Starts the server on a socket, and waits until it listens. */
async function start(here: Place, socket: string): Promise<Started> {
  const words = [
    '-c',
    'exec "$@" 2>&1',
    'sh',
    process.execPath,
    program,
    'jsonrpcd',
    '--socket',
    socket,
  ]
  const started = startProgram('sh', words, { env: here.env })
  await started.line()
  return started
}

/** The requests by which an item may come. */
function request({ id, body }: Item, at: number): Sent {
  const headers = { 'Content-Type': 'application/json-rpc' }
  if (at % 3 === 0) return { method: 'PUT', path: `/queues/q/items/${id}`, body }
  const call = { jsonrpc: '2.0', id: 1, method: 'enqueue', params: [id, 'q', body] }
  return { method: 'POST', headers, body: JSON.stringify(at % 3 === 1 ? call : [call]) }
}

/** Whether the answer says that the item is there. */
function confirms({ id }: Item, status: number, text: string): boolean {
  if (status !== 200 && status !== 201) return false
  const answer = [JSON.parse(text) as unknown].flat()[0] as { id?: unknown; result?: unknown }
  return answer.result === id || answer.id === id
}

t.test(`of what a server confirmed, nothing is lost by ${kills} kills`, async (t) => {
  const here = await place(t)
  const socket = `${here.directory}/s`
  const next = random('receive')
  const confirmed: Item[] = []
  const sent = new Map<string, string>()
  let pushing = true
  let entropy = 0

  const push = async (client: number): Promise<void> => {
    while (pushing) {
      const at = entropy++
      const size = at % 3 === 0 ? 300_000 : 1000
      const item = { id: itemName({ entropy: at }), body: `${at} ${String(client).repeat(size)}` }
      sent.set(item.id, item.body)
      for (;;) {
        try {
          const { status, text } = await sendTo(socket, request(item, at))
          if (confirms(item, status, text)) break
        } catch {
          await setTimeout(5) // It is away.
        }
      }
      confirmed.push(item)
    }
  }

  let server = await start(here, socket)
  t.teardown(() => {
    server.kill('SIGKILL')
  })
  const clients = Promise.all(Array.from({ length: 8 }, (_, client) => push(client)))
  for (let kill = 0; kill < kills; kill++) {
    await setTimeout(next() * longest)
    server.kill('SIGKILL')
    await server.exited
    server = await start(here, socket)
  }
  pushing = false
  await clients
  const left = contentsOf(here.queue)['tmp']?.length ?? 0
  t.comment(`${confirmed.length} items confirmed, ${kills} kills, ${left} files left in tmp/`)

  t.not(confirmed.length, 0, 'it served, however slow the machine is')
  const whole = (id: string): boolean =>
    readFileSync(`${here.queue.path}/queue/${id}`, 'utf8') === sent.get(id)
  const there = contentsOf(here.queue)['queue'] ?? []
  t.strictSame(
    confirmed.filter(({ id }) => !there.includes(id)),
    [],
    'what was confirmed is there',
  )
  t.strictSame(
    there.filter((id) => !sent.has(id) || !whole(id)),
    [],
    'what is there is whole',
  )
  t.equal((await here.fsq(['repair', '--older', '0s', 'q'])).status, 0)
  t.strictSame(entriesOf(`${here.queue.path}/tmp`), [])
  t.equal(contentsOf(here.queue)['queue']?.length, there.length)
})
