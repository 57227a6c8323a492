import { once } from 'node:events'
import { createServer, type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What went over one connection: a request whole, then its answer whole. */
export interface Exchange {
  /** The path, the type and the body of the request. */
  readonly request: { readonly line: string; readonly type: string; readonly body: string }
  /** The answer as it was on the wire, one character a byte. */
  readonly answer: string
}

/** Where a server listens, as `http://127.0.0.1:PORT/`, and what it was asked and answered. */
export interface Recorded {
  readonly address: string
  readonly exchanges: readonly Exchange[]
}

/** Answers as a recording says, request by request; what it does not foresee gets no answer. */
export async function replay(t: Test, recording: readonly Exchange[]): Promise<Recorded> {
  const rest = [...recording]
  return serve(t, async (request) => {
    const next = rest.shift()
    return JSON.stringify(next?.request) === JSON.stringify(request) ? next?.answer : undefined
  })
}

/** Passes requests on to a server that answers one a connection, as the Python fsq does. */
export async function record(t: Test, port: number): Promise<Recorded> {
  return serve(t, async (request, bytes) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    return (await all(socket)).toString('latin1')
  })
}

async function serve(
  t: Test,
  answerTo: (request: Exchange['request'], bytes: Buffer) => Promise<string | undefined>,
): Promise<Recorded> {
  const exchanges: Exchange[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    void (async () => {
      const bytes = await whole(socket)
      const request = parsed(bytes)
      const answer = await answerTo(request, bytes)
      if (answer !== undefined) exchanges.push({ request, answer })
      socket.end(answer ?? '', 'latin1')
    })().catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, exchanges }
}

/** One request, of which the length of the body is told. */
async function whole(socket: Socket): Promise<Buffer> {
  let got = Buffer.alloc(0)
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    got = Buffer.concat([got, piece as Buffer])
    const head = got.indexOf('\r\n\r\n')
    const [, length] = /content-length: (\d+)/i.exec(got.toString('latin1')) ?? []
    if (head >= 0 && got.length >= head + 4 + Number(length)) return got
  }
  throw new Error('the request ends in its middle')
}

async function all(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

function parsed(bytes: Buffer): Exchange['request'] {
  const text = bytes.toString()
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [line = ''] = head.split('\r\n')
  return { line, type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '', body }
}
