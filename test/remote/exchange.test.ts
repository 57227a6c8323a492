import { request } from 'node:http'
import t from 'tap'
import type * as Exchange from '../../lib/remote/exchange.js'
import { httpServer } from '../helpers/http-server.js'

const size = 3_000_000
const timeout = 4711

t.test('a remote that takes a large body piece by piece has more time with each', async (t) => {
  const { address, received } = await httpServer(t, () => ({ body: 'thanks' }))
  const body = Buffer.alloc(size, 'work ')
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size; at += 500_000) yield body.subarray(at, at + 500_000)
    await Promise.resolve()
  }
  for (const [what, payload] of [
    ['bytes', body],
    ['pieces', { size, pieces }],
  ] as const) {
    let extended = 0
    const { exchange } = await t.mockImport<typeof Exchange>('../../lib/remote/exchange.js', {
      '../../lib/timer.js': {
        after: (seconds: number) => {
          if (seconds === timeout) extended++
          return () => undefined
        },
      },
    })
    const headers = { 'Content-Length': size, Expect: '100-continue' }
    const put = request(address, { method: 'PUT', headers })
    t.match(await exchange(put, payload, timeout), { status: 200 }, what)
    t.ok(extended > 5, `${what}: ${extended} times`)
    t.ok(received.at(-1)?.body.equals(body), what)
  }
})
