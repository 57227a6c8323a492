import { PassThrough, type Readable } from 'node:stream'
import { checkMembers } from '../../members.js'
import type { ConfiguredNode } from './cluster-conf.js'
import { formatNode, type Node } from './node.js'
import { isDenial, isRefusal, kindOfRefusal, NodeError, wordsOf } from './node-error.js'
import { asOperand, type NodeSession, type SessionOptions } from './node-session.js'
import { NodeSessions } from './node-sessions.js'
import {
  type Feed,
  type NodeMemory,
  removeLeftovers,
  SourceFailure,
  store,
  temporaryBeside,
} from './node-store.js'

/** How a node is reached. */
export interface NodeClientOptions {
  /**
   * Whether the connections are encrypted: never, so that the password and the files go over the wire as
   * they are, or always, by AUTH TLS.
   *
   * @defaultValue `never`
   */
  readonly tls?: 'never' | 'explicit' | undefined
  /** The certificates, in PEM, of the authorities that are trusted. @defaultValue those of Node.js */
  readonly ca?: string | undefined
  /**
   * How long the node may keep us waiting, in seconds: for an answer, or for the next piece of a file to
   * come or go.
   *
   * @defaultValue 30
   */
  readonly timeout?: number | undefined
  /** How many connections there are at most; further calls wait for one. @defaultValue 2 */
  readonly connections?: number | undefined
}

const clientOptions = new Set<string>([
  'tls',
  'ca',
  'timeout',
  'connections',
] satisfies (keyof NodeClientOptions)[])

/** For a call to a node. */
export interface NodeCallOptions {
  /** Gives up, which ends the connection that is used. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A node of an ftpcluster, reached by FTP. Nothing is sent before the first call.
 *
 * Paths are relative to where the login leads, unless they begin with `/`. They are bytes: those that are
 * no UTF-8 are written as {@link decodeName} has it. CR, LF, NUL and the byte 0xff cannot be in them.
 *
 * All calls throw {@link NodeError}, or the reason of their signal.
 */
export class NodeClient implements AsyncDisposable {
  /** The node, without its password. */
  readonly node: Node
  readonly #sessions: NodeSessions
  readonly #memory: NodeMemory = { directories: new Set(), leftovers: new Set() }
  /** Whoever needs connections to two nodes gets them in this order: no two ever wait for each other. */
  readonly #rank = ++clients

  /** @throws `TypeError` for an option of the wrong form. */
  constructor(node: ConfiguredNode, options: NodeClientOptions = {}) {
    const { connections, ...session } = checkedOptions(options)
    if (/[\r\n\0]/.test(node.user + node.password))
      throw new TypeError(`Expected a user and a password of one line for ${formatNode(node)}`)
    this.node = { host: node.host, port: node.port }
    this.#sessions = new NodeSessions(node, session, connections)
  }

  /**
   * Stores a file, so that there is never a part of it under its name: it is sent under another name
   * beside it, `.fsq-*.tmp`, compared by its size, and its checksum where the node offers any (HASH,
   * XSHA256, XSHA512, XSHA1, XMD5, MD5, XCRC), and renamed. The directories are made. Memory is constant.
   *
   * A file of that size and that content that is there already is not sent again.
   *
   * @param source - opens the file, to be read from its beginning; what it throws, and what the stream
   * fails with, is thrown
   * @param size - in bytes
   * @returns whether it was sent; false where it was there already
   * @throws {@link NodeError} `taken` where another file is there, `changed` where the file has another
   * size, and what may befall any call.
   */
  async put(
    path: string,
    source: () => Readable,
    size: number,
    { signal }: NodeCallOptions = {},
  ): Promise<boolean> {
    return this.#with(`cannot store ${JSON.stringify(path)}`, [path], signal, (session) =>
      store(session, this.#memory, path, () => ({ stream: source() }), size),
    )
  }

  /**
   * Copies a file to another node, through this process and in constant memory. It is stored there as
   * {@link NodeClient.put} does it. Where this node offers checksums what was read is compared with
   * them, too.
   *
   * @param from - its path here
   * @param to - its path there
   * @param size - in bytes
   * @returns whether it was sent; false where it was there already
   * @throws {@link NodeError}, whose `node` tells which of the two it is about; `gone` where there is no
   * such file here, `changed` where it has another size.
   */
  async copyTo(
    target: NodeClient,
    from: string,
    to: string,
    size: number,
    { signal }: NodeCallOptions = {},
  ): Promise<boolean> {
    if (target === this) throw new TypeError('Expected another node to copy to')
    const read = `cannot read ${JSON.stringify(from)}`
    const write = `cannot store ${JSON.stringify(to)}`
    const copy = (here: NodeSession, there: NodeSession): Promise<boolean> =>
      guarded(there, write, async () => {
        await guarded(here, read, () => checkSource(here, from, size))
        const fetched: Fetched[] = []
        const open = (): Feed => {
          const file = fetching(here, from, size, read)
          fetched.push(file)
          return file
        }
        try {
          return await store(there, target.#memory, to, open, size)
        } finally {
          // Where it was not fetched to its end the rest is still on its way.
          if (fetched.some((file) => !file.isComplete())) here.close()
        }
      })
    if (this.#rank < target.#rank)
      return this.#with(read, [from], signal, (here) =>
        target.#with(write, [to], signal, (there) => copy(here, there)),
      )
    return target.#with(write, [to], signal, (there) =>
      this.#with(read, [from], signal, (here) => copy(here, there)),
    )
  }

  /** The size of a file in bytes; undefined where there is nothing at that path. */
  async size(path: string, { signal }: NodeCallOptions = {}): Promise<number | undefined> {
    const what = `cannot tell the size of ${JSON.stringify(path)}`
    return this.#with(what, [path], signal, async (session) => {
      const size = await session.size(path)
      if (size !== undefined || (await session.isAbsent(path))) return size
      const { refusal } = await session.attempt(`SIZE ${asOperand(path)}`)
      throw refusal ?? new NodeError(this.node, 'failed', `${what}: it has none`)
    })
  }

  /**
   * Removes a file.
   *
   * @returns whether it was there. That it was not is not taken from a refusal alone, which may be for
   * want of a permission: it is looked for.
   */
  async remove(path: string, { signal }: NodeCallOptions = {}): Promise<boolean> {
    const what = `cannot remove ${JSON.stringify(path)}`
    return this.#with(what, [path], signal, async (session) => {
      const { refusal } = await session.attempt(`DELE ${asOperand(path)}`)
      if (refusal === undefined) return true
      const hidden = isDenial(refusal.message) || (await session.size(path)) !== undefined
      if (hidden || !(await session.isAbsent(path))) throw refusal
      return false
    })
  }

  /**
   * Removes what an attempt to store a file left, and the file itself.
   *
   * @param path - for no other than this file
   */
  async discard(path: string, options: NodeCallOptions = {}): Promise<void> {
    await this.remove(temporaryBeside(path), options)
    await this.remove(path, options)
  }

  /**
   * Removes what failed attempts left on the node, if it can be reached, and closes the connections. What
   * is under way goes on to its end.
   */
  async close(): Promise<void> {
    const signal = AbortSignal.timeout(longestFarewell)
    if (this.#memory.leftovers.size > 0)
      await this.#with('', [], signal, (session) =>
        removeLeftovers(session, this.#memory.leftovers),
      ).catch(() => undefined)
    this.#sessions.close()
  }

  /** {@link NodeClient.close} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #with<T>(
    what: string,
    paths: readonly string[],
    signal: AbortSignal | undefined,
    act: (session: NodeSession) => Promise<T>,
  ): Promise<T> {
    if (!paths.every(isSayable))
      throw new NodeError(this.node, 'refused', `${what}: FTP cannot say that path`)
    try {
      return await this.#sessions.use(
        (session) =>
          guarded(session, what, async () => {
            return act(session)
          }),
        signal,
      )
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof SourceFailure ? error.cause : error
    }
  }
}

let clients = 0

/** The byte 0xff begins a command of Telnet, as which some servers take it and others do not. */
function isSayable(path: string): boolean {
  return path !== '' && !/[\r\n\0\udcff]/.test(path)
}

/** Nobody waits longer than that for temporary files to be removed, in milliseconds. */
const longestFarewell = 5000

/** What goes wrong on a connection becomes the error of the node. */
async function guarded<T>(session: NodeSession, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw troubleOf(session, what, error)
  }
}

function troubleOf(session: NodeSession, what: string, error: unknown): unknown {
  if (error instanceof NodeError || error instanceof SourceFailure) return error
  const { node, closed } = session
  if (isRefusal(error)) {
    const said = wordsOf(error, node.password)
    return new NodeError(node, kindOfRefusal(error), `${what}: it says: ${said}`)
  }
  if (!(error instanceof Error)) return error
  session.close(error)
  return new NodeError(node, closed ? 'away' : 'failed', `${what}: ${error.message}`, {
    cause: error,
  })
}

async function checkSource(session: NodeSession, path: string, size: number): Promise<void> {
  const there = await session.size(path)
  if (there === size) return
  const what = `cannot copy ${JSON.stringify(path)}`
  if (there !== undefined)
    throw new NodeError(session.node, 'changed', `${what}: it has ${there} bytes and not ${size}`)
  const absent = await session.isAbsent(path)
  const [kind, why] = absent ? (['gone', 'it is not there'] as const) : cannotBeRead
  throw new NodeError(session.node, kind, `${what}: ${why}`)
}

const cannotBeRead = ['denied', 'it cannot be read'] as const

interface Fetched extends Feed {
  /** Whether all of it came, and the node has said so. */
  readonly isComplete: () => boolean
}

/** A file as it is fetched from a node. */
function fetching(session: NodeSession, path: string, size: number, what: string): Fetched {
  const stream = new PassThrough()
  const digest = session.checksum?.digest()
  const download = guarded(session, what, () => session.download(path, stream))
  let complete = false
  download.then(
    () => (complete = true),
    (error: unknown) => stream.destroy(error as Error),
  )
  const confirm = (): Promise<void> =>
    guarded(session, what, async () => {
      await download
      const told = await session.digestOf(path, size)
      if (told === undefined || told === digest?.hex()) return
      throw new NodeError(session.node, 'failed', `${what}: its checksum there is another`)
    })
  return { stream, digest, confirm, isComplete: () => complete }
}

function checkedOptions(
  options: NodeClientOptions,
): SessionOptions & { readonly connections: number } {
  checkMembers('an option of a node client', options, clientOptions)
  const { tls = 'never', ca, timeout = 30, connections = 2 } = options
  if (!['never', 'explicit'].includes(tls))
    throw new TypeError(`Expected \`tls\` to be never or explicit, got ${tls}`)
  if (!(typeof timeout === 'number' && timeout > 0))
    throw new TypeError(`Expected \`timeout\` to be more than 0, got ${String(timeout)}`)
  if (!(Number.isSafeInteger(connections) && connections > 0))
    throw new TypeError(
      `Expected \`connections\` to be a whole number above 0, got ${String(connections)}`,
    )
  return { tls, ca, timeout, connections }
}
