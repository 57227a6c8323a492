import type { PassThrough, Readable } from 'node:stream'
import type { Client } from 'basic-ftp'
import { errnoOf } from '../../errors.js'
import { after } from '../../timer.js'
import { untilAborted } from '../../until-aborted.js'
import { type Checksum, chooseChecksum } from './checksum.js'
import type { ConfiguredNode } from './cluster-conf.js'
import { bytesOf } from './escape.js'
import {
  isDenial,
  isPermanent,
  isRefusal,
  kindOfRefusal,
  NodeError,
  type Refusal,
} from './node-error.js'
import { sendFile } from './send-file.js'

/*
 * One connection to the FTP server of a node. It does one thing at a time.
 *
 * A path is bytes, and goes out as such: basic-ftp is told that text is Latin-1, and given strings of one
 * character a byte. Where a server is asked about a path the path is relative to where the login led.
 */

/** How a node is connected to; all of it given. */
export interface SessionOptions {
  readonly tls: 'never' | 'explicit'
  /** PEM; undefined for the authorities that Node.js trusts. */
  readonly ca: string | undefined
  /** In seconds. */
  readonly timeout: number
}

/** A checksum is asked for with so many bytes a second in mind, on top of the time that there is anyway. */
const slowestDigest = 10_000_000

/** See above. */
export class NodeSession {
  readonly node: ConfiguredNode
  /** Where the login led, a character a byte. */
  home = '.'
  /** What the server offers to compare files with. */
  checksum: Checksum | undefined
  readonly #client: Client
  readonly #timeout: number
  /** Aborted once this is closed, so that nobody waits for what will never come. */
  readonly #closed = new AbortController()

  private constructor(node: ConfiguredNode, client: Client, timeout: number) {
    this.node = node
    this.#client = client
    this.#timeout = timeout
  }

  /**
   * Connects and logs in.
   *
   * @throws {@link NodeError}, or the reason of the signal.
   */
  static async open(
    node: ConfiguredNode,
    options: SessionOptions,
    signal: AbortSignal | undefined,
  ): Promise<NodeSession> {
    const { Client } = await import('basic-ftp')
    const client = new Client(options.timeout * 1000)
    const session = new NodeSession(node, client, options.timeout)
    try {
      await untilAborted(session.#logIn(options), signal)
    } catch (error) {
      session.close(error)
      throw error
    }
    return session
  }

  /** What basic-ftp waits for has its time limits, but for the handshake of TLS. */
  async #logIn({ tls, ca, timeout }: SessionOptions): Promise<void> {
    const client = this.#client
    const { host, port, user, password } = this.node
    const callOff = after(2 * timeout, () => {
      this.close(new NodeError(this.node, 'away', `it does not answer in ${2 * timeout} s`))
    })
    client.ftp.encoding = 'latin1'
    try {
      await this.#until(client.connect(host, port))
      if (tls === 'explicit')
        await this.#until(client.useTLS({ host, ...(ca === undefined ? {} : { ca }) }))
      await this.#refusedLogin(client.login(onTheWire(user), onTheWire(password)))
      await this.#until(client.useDefaultSettings())
      this.checksum = chooseChecksum(await this.#until(client.features()))
      if (this.checksum?.select !== undefined) await this.command(this.checksum.select)
      this.home = unquoted(await this.command('PWD'))
    } catch (error) {
      throw this.#troubleWithLogin(error)
    } finally {
      callOff()
    }
  }

  /** Nothing that the server says about a login is passed on: who knows what of it is repeated there. */
  async #refusedLogin(login: Promise<unknown>): Promise<void> {
    try {
      await this.#until(login)
    } catch (error) {
      if (!isRefusal(error) || error.code === 421) throw error
      const { user } = this.node
      const message = `it does not let ${user} log in (it answers ${error.code})`
      throw new NodeError(this.node, 'denied', message, { ofNode: true })
    }
  }

  #troubleWithLogin(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof NodeError) return error
    const said = isRefusal(error) ? `it answers ${error.code}` : wordsOfConnection(error)
    const cause = isRefusal(error) ? {} : { cause: error }
    const kind = isRefusal(error) ? kindOfRefusal(error) : 'away'
    const message = `cannot connect: ${said}`
    return new NodeError(this.node, kind, message, { ...cause, ofNode: true })
  }

  /** Whether the connection is of no use any more, whoever ended it. */
  get closed(): boolean {
    return this.#closed.signal.aborted || this.#client.closed
  }

  /** Closes the connection; whatever waits for something on it fails with that. */
  close(reason: unknown = new Error('the connection was closed')): void {
    this.#closed.abort(reason)
    this.#client.close()
  }

  /** Whether an idle connection keeps the process alive. */
  keepAlive(keep: boolean): void {
    if (keep) this.#client.ftp.socket.ref()
    else this.#client.ftp.socket.unref()
  }

  /**
   * Sends a command and gives the reply, a character a byte.
   *
   * @param seconds - how long the server may take, beside what it may take anyway
   */
  async command(command: string, seconds = 0): Promise<string> {
    const reply = this.#client.send(command)
    if (seconds > 0) this.#client.ftp.socket.setTimeout((this.#timeout + seconds) * 1000)
    return (await this.#until(reply)).message
  }

  /** The same for a command that may be refused for good. */
  async attempt(command: string): Promise<{ reply?: string; refusal?: Refusal & Error }> {
    try {
      return { reply: await this.command(command) }
    } catch (refusal) {
      if (!isRefusal(refusal) || !isPermanent(refusal)) throw refusal
      return { refusal }
    }
  }

  /** The size of a file; undefined where the server tells none, be it that there is no file. */
  async size(path: string): Promise<number | undefined> {
    const { reply } = await this.attempt(`SIZE ${asOperand(path)}`)
    const digits = /^213 +([0-9]{1,16})/.exec(reply ?? '')?.[1]
    return digits === undefined ? undefined : Number(digits)
  }

  /** The checksum of a file of that size; undefined where the server does not tell it, for whatever reason. */
  async digestOf(path: string, size: number): Promise<string | undefined> {
    if (this.checksum === undefined) return undefined
    const command = this.checksum.command(asOperand(path))
    try {
      return this.checksum.read(await this.command(command, size / slowestDigest))
    } catch (error) {
      if (!isRefusal(error) || !isPermanent(error)) throw error
      return undefined // The file may be too large, or the path one that it does not understand.
    }
  }

  /**
   * Whether there is nothing at a path. A refusal to do something with it says little: most servers have
   * the same code for a path that is not there and for one that they do not let us reach. So the nearest
   * directory above it that can be entered is looked for, and there, what leads on to the path.
   */
  async isAbsent(path: string): Promise<boolean> {
    for (let child = path; ;) {
      const directory = parentOf(child)
      const entered = (await this.attempt(`CWD ${asOperand(directory)}`)).reply !== undefined
      if (entered) await this.command(`CWD ${this.home}`)
      if (entered || directory === '.' || directory === '/') {
        const { refusal } = await this.attempt(`RNFR ${asOperand(child)}`)
        return refusal !== undefined && !isDenial(refusal.message)
      }
      child = directory
    }
  }

  /** Sends a file. The stream may have to be destroyed afterwards. */
  async upload(path: string, source: Readable): Promise<void> {
    const sending = sendFile(this.#client, asOperand(path), source, this.#timeout * 1000)
    await this.#until(sending)
  }

  /** Fetches a file. */
  async download(path: string, target: PassThrough): Promise<void> {
    await this.#until(this.#client.downloadTo(target, asOperand(path)))
  }

  #until<T>(promise: Promise<T>): Promise<T> {
    return untilAborted(promise, this.#closed.signal)
  }
}

/** Text as the bytes that it is on the wire, a character a byte. */
function onTheWire(text: string): string {
  return bytesOf(text).toString('latin1')
}

/** A path as a server understands it: a blank, a - or a ~ at its beginning would mean something else. */
export function asOperand(path: string): string {
  return onTheWire(/^[\s~-]/.test(path) ? `./${path}` : path)
}

/** The directory that a path is in: `.` where it names none. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : path.slice(0, slash)
}

/** `257 "/a ""b""" is the current directory` */
function unquoted(reply: string): string {
  const [, path] = /^257 "((?:[^"]|"")*)"/.exec(reply) ?? []
  return path === undefined ? '.' : path.replaceAll('""', '"')
}

/** Node.js repeats the address, and names the call. */
function wordsOfConnection(error: Error): string {
  return errnoOf(error) === 'ECONNREFUSED' ? 'nobody listens there' : error.message
}
