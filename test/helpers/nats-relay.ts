import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/*
 * Stands between clients and a NATS server, understands what they say to each other, and answers in place of
 * the server where a test says so. So a client can be told what a real server says once in a blue moon.
 */

/** A message that a client publishes. */
export interface Published {
  readonly subject: string
  /** Where an answer is expected. */
  readonly reply: string | undefined
  /** The header lines, by name; the last, where there are several. */
  readonly headers: Readonly<Record<string, string>>
  readonly data: Buffer
}

/**
 * What becomes of it: undefined, it goes to the server; a text, or an object as JSON, is the answer, and the server
 * never sees it; `lost`, neither comes to pass; `unanswered`, it goes to the server, and the answer is lost.
 */
export type Verdict = undefined | 'lost' | 'unanswered' | { readonly answer: string | object }

/** A place to connect to. */
export interface Relay {
  readonly url: string
  /** How many connections there were. */
  readonly connections: () => number
  /** Cuts all connections; new ones are served. */
  readonly cut: () => void
}

/** A new relay to the server at a URL, which ends with the test. */
export async function natsRelay(
  t: Test,
  to: string,
  judge: (published: Published) => Verdict,
): Promise<Relay> {
  const sockets = new Set<Socket>()
  let connections = 0
  const listener = createServer((client) => {
    connections++
    const server = connect(Number(new URL(to).port), '127.0.0.1')
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    pass(client, server, judge)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    listener.close()
    cut()
  })
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    connections: () => connections,
    cut,
  }
}

/** Passes on what each says to the other. */
function pass(client: Socket, server: Socket, judge: (published: Published) => Verdict): void {
  const subscriptions = new Map<string, string>()
  const unanswered = new Set<string>()
  const answer = (subject: string, answered: string | object): void => {
    const data = typeof answered === 'string' ? answered : JSON.stringify(answered)
    for (const [sid, pattern] of subscriptions)
      if (matches(pattern, subject))
        client.write(`MSG ${subject} ${sid} ${Buffer.byteLength(data)}\r\n${data}\r\n`)
  }
  onFrames(client, ({ words, bytes, payload }) => {
    const [verb, ...rest] = words
    if (verb === 'SUB') subscriptions.set(rest.at(-1) ?? '', rest[0] ?? '')
    if (verb === 'UNSUB' && rest.length === 1) subscriptions.delete(rest[0] ?? '')
    if (verb === 'PUB' || verb === 'HPUB') {
      const published = readPublished(verb, rest, payload)
      const { reply } = published
      const verdict = judge(published)
      if (verdict === 'unanswered' && reply !== undefined) unanswered.add(reply)
      if (typeof verdict === 'object' && reply !== undefined) answer(reply, verdict.answer)
      if (verdict !== undefined && verdict !== 'unanswered') return
    }
    server.write(bytes)
  })
  onFrames(server, ({ words, bytes }) => {
    if (!unanswered.delete(words[1] ?? '')) client.write(bytes)
  })
}

/** A line of the protocol, and the payload that some have. */
interface Frame {
  readonly words: readonly string[]
  readonly payload: Buffer
  /** All of it. */
  readonly bytes: Buffer
}

function onFrames(socket: Socket, act: (frame: Frame) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece])
    for (;;) {
      const end = rest.indexOf('\r\n') + 2
      if (end < 2) return
      const words = rest.toString('latin1', 0, end - 2).split(/[ \t]+/)
      const size = /^(H?PUB|H?MSG)$/.test(words[0] ?? '') ? Number(words.at(-1)) : undefined
      const length = size === undefined ? end : end + size + 2
      if (rest.length < length) return
      const payload = rest.subarray(end, end + (size ?? 0))
      act({ words, payload, bytes: rest.subarray(0, length) })
      rest = rest.subarray(length)
    }
  })
}

/** Reads `PUB subject [reply] size` or `HPUB subject [reply] header-size size`. */
function readPublished(verb: string, words: readonly string[], payload: Buffer): Published {
  const sizes = verb === 'HPUB' ? 2 : 1
  const headerSize = verb === 'HPUB' ? Number(words.at(-2)) : 0
  const [, ...lines] = payload.toString('latin1', 0, headerSize).split('\r\n')
  const headers = lines.flatMap((line) => {
    const [, name, value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value] as const]
  })
  return {
    subject: words[0] ?? '',
    reply: words.length > sizes + 1 ? words[1] : undefined,
    headers: Object.fromEntries(headers),
    data: Buffer.from(payload.subarray(headerSize)),
  }
}

/** Whether a subject is among those of a pattern, which may have `*` and `>`. */
function matches(pattern: string, subject: string): boolean {
  const tokens = subject.split('.')
  const parts = pattern.split('.')
  for (const [i, part] of parts.entries()) {
    if (part === '>') return tokens.length > i
    if (part !== '*' && part !== tokens[i]) return false
  }
  return parts.length === tokens.length
}
