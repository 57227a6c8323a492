import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { checkMembers } from '../../members.js'
import { nextTurn } from '../../turn.js'
import { backoffSeconds } from '../../work/backoff.js'
import { type Clients, loadClients } from './clients.js'
import { NatsError, natsError } from './nats-error.js'
import { Requests } from './requests.js'
import { readServers } from './servers.js'

/** How the servers are reached. */
export interface JetStreamOptions {
  /**
   * The addresses of servers, as `nats://n1:4222`; of a cluster one is enough, but more are better. They
   * may have a user and a password in them, or a token, percent-encoded; `user` and `token` come before them.
   * With one of `tls://` nothing is said to a server that does not encrypt.
   *
   * @defaultValue `nats://127.0.0.1:4222`
   */
  readonly servers?: string | readonly string[] | undefined
  /** The content of a credentials file, as `nsc` makes it. */
  readonly creds?: string | Uint8Array | undefined
  /** The seed of an nkey. */
  readonly nkey?: string | Uint8Array | undefined
  /** The name of a user. */
  readonly user?: string | undefined
  /** The password of that user. */
  readonly password?: string | undefined
  /** A token, where the servers ask for one. */
  readonly token?: string | undefined
  /** Encrypt. @defaultValue as the servers ask for */
  readonly tls?: JetStreamTls | undefined
  /** The JetStream domain, where the streams are in another than that of the server, as behind a leaf node. */
  readonly domain?: string | undefined
  /** How long a request may take, in seconds. @defaultValue 5 */
  readonly timeout?: number | undefined
  /** The name of the connection, for whoever watches the servers. @defaultValue `fsq` */
  readonly name?: string | undefined
}

/** Certificates and keys, in PEM. */
export interface JetStreamTls {
  /** The authorities to trust. @defaultValue those of the system */
  readonly ca?: string | Buffer | undefined
  /** Our certificate. */
  readonly cert?: string | Buffer | undefined
  /** Its key. */
  readonly key?: string | Buffer | undefined
  /** Encrypt before the server says anything. @defaultValue false */
  readonly first?: boolean | undefined
}

const known: ReadonlySet<string> = new Set<keyof JetStreamOptions>([
  'servers',
  'creds',
  'nkey',
  'user',
  'password',
  'token',
  'tls',
  'domain',
  'timeout',
  'name',
])

/** A connection that is there. */
export interface Connected {
  readonly nats: NatsConnection
  /** Those that it makes. */
  readonly requests: Requests
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  readonly clients: Clients
  /** For a request, in milliseconds. */
  readonly timeout: number
  readonly bucket: (name: string) => Promise<KV>
}

/** How long to wait before the next attempt to connect again, in seconds. */
const pauses = { base: 0.1, max: 5, jitter: 0.5 }

/** The clock was put back if it shows so much less than it should, in milliseconds. */
const clockTolerance = 1000

/** A server that says nothing for twice so long is taken for dead, in milliseconds. */
const pingInterval = 5000

/**
 * NATS with JetStream. Made by {@link openJetStream}, which connects to nothing yet.
 */
export class JetStream implements AsyncDisposable {
  readonly #options: JetStreamOptions
  readonly #listeners = new Set<(lost: Error | undefined) => void>()
  #turn: Promise<void> | undefined
  #connection: Connected | undefined
  #connecting: Promise<Connected> | undefined
  /** What {@link #up} is said of: an old one may end when there is a new one. */
  #latest: NatsConnection | undefined
  #up = false
  #closed = false

  /** @internal */
  constructor(options: JetStreamOptions) {
    checkMembers('an option of JetStream', options, known)
    const { timeout = 5 } = options
    if (!(timeout > 0))
      throw new TypeError(`Expected \`timeout\` to be more than 0, got ${timeout}`)
    this.#options = withServers(options)
  }

  /**
   * @internal The connection; made if there is none.
   *
   * @throws {@link NatsError}; `FSQ_NATS_CLIENT`
   */
  async connected(): Promise<Connected> {
    if (this.#closed) throw new NatsError('refused', 'NATS was closed by us')
    if (this.#connection === undefined || this.#connection.nats.isClosed()) {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined
      })
      try {
        this.#connection = await this.#connecting
      } catch (error) {
        throw natsError(`cannot reach ${this.#whom()}`, error)
      }
    }
    if (!this.#up) throw new NatsError('away', `the connection to ${this.#whom()} is lost`)
    return this.#connection
  }

  /** @internal Where the streams are, if they may be on other servers than those that we are connected to. */
  get domain(): string | undefined {
    return this.#options.domain
  }

  /** @internal Does something with it; what fails is a {@link NatsError} that says what was attempted. */
  async use<T>(attempt: string, act: (connected: Connected) => Promise<T>): Promise<T> {
    await this.#together()
    const connected = await this.connected()
    try {
      return await act(connected)
    } catch (error) {
      throw natsError(`cannot ${attempt}`, error)
    }
  }

  /** @internal Is told when the connection is lost, and with undefined when it is back, until disposed. */
  onLink(listener: (lost: Error | undefined) => void): Disposable {
    this.#listeners.add(listener)
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener)
      },
    }
  }

  /** Ends the connection; what is under way fails. Harmless twice. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#connecting?.catch(() => undefined)
    const nats = this.#connection?.nats
    await nats?.close()
    if (nats !== undefined) discardSocket(nats)
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * What is asked for in one turn of the event loop goes out together: a write to a socket costs more than
   * all else about a request. One alone does not wait for others.
   */
  async #together(): Promise<void> {
    if (this.#connection?.requests.waiting === 0) return
    this.#turn ??= nextTurn().then(() => {
      this.#turn = undefined
    })
    return this.#turn
  }

  async #connect(): Promise<Connected> {
    const clients = await loadClients()
    const { transport, jetstream, kv } = clients
    const timeout = (this.#options.timeout ?? 5) * 1000
    let clock = clockOffset()
    let failures = 0
    const options: NodeConnectionOptions = {
      ...this.#connectionOptions(clients, timeout),
      reconnectDelayHandler: () => {
        // The client waits until the clock says so. Where that was put back, we connect anew when we are needed. To close
        // it here would not do: it tries the next server before it looks.
        const now = clockOffset()
        if (now < clock - clockTolerance) throw new Error('the clock was put back')
        clock = Math.max(clock, now)
        return backoffSeconds(pauses, ++failures) * 1000
      },
    }
    const nats = await leavingNoSocket(async () => transport.connect(options))
    const requests = new Requests(nats, transport)
    nats.request = requests.request.bind(requests) // By which the packages make theirs, too.
    this.#up = true
    const watch = async (): Promise<void> => {
      for await (const { type } of nats.status()) {
        if (type === 'reconnect') {
          this.#up = true
          failures = 0
          this.#tell(undefined)
        } else if (type === 'disconnect') this.#lost()
      }
    }
    void watch()
    this.#latest = nats
    void nats.closed().then(() => {
      if (this.#latest === nats) this.#lost()
    })
    const common = {
      timeout,
      ...(this.#options.domain !== undefined && { domain: this.#options.domain }),
    }
    const client = jetstream.jetstream(nats, { ...common })
    const manager = await jetstream.jetstreamManager(nats, { ...common, checkAPI: false })
    if (this.#connection !== undefined) this.#tell(undefined)
    return {
      nats,
      requests,
      client,
      manager,
      clients,
      timeout,
      // Not read from any replica: what is claimed has to be seen as claimed.
      bucket: once((name) => new kv.Kvm(client).open(name, { allow_direct: false })),
    }
  }

  #lost(): void {
    if (!this.#up) return
    this.#up = false
    if (this.#closed) return
    this.#tell(new NatsError('away', `the connection to ${this.#whom()} is lost`))
  }

  #tell(lost: Error | undefined): void {
    for (const listener of this.#listeners) listener(lost)
  }

  #connectionOptions({ transport }: Clients, timeout: number): NodeConnectionOptions {
    const { servers, tls, name = 'fsq' } = this.#options
    const authenticator = authenticators(transport, this.#options)
    return {
      ...(servers !== undefined && { servers: [servers].flat() }),
      name,
      timeout,
      pingInterval,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      noAsyncTraces: true,
      ...(authenticator.length > 0 && { authenticator }),
      ...((tls !== undefined || this.#urls.some((url) => /^tls:/i.test(url))) && {
        tls: {
          ...(tls?.ca !== undefined && { ca: String(tls.ca) }),
          ...(tls?.cert !== undefined && { cert: String(tls.cert) }),
          ...(tls?.key !== undefined && { key: String(tls.key) }),
          ...(tls?.first === true && { handshakeFirst: true }),
        },
      }),
    }
  }

  get #urls(): readonly string[] {
    return [this.#options.servers ?? 'nats://127.0.0.1:4222'].flat()
  }

  #whom(): string {
    return `NATS at ${this.#urls.join(', ')}`
  }
}

/**
 * Opens NATS with JetStream; connects when it is first used, and again whenever the connection is lost.
 *
 * @throws `TypeError` for options of the wrong form.
 */
export function openJetStream(options: JetStreamOptions = {}): JetStream {
  return new JetStream(options)
}

/** The client does not look at what is in the addresses of servers but for where they are. */
function withServers(options: JetStreamOptions): JetStreamOptions {
  if (options.servers === undefined) return options
  const read = readServers([options.servers].flat())
  if (read === undefined)
    throw new TypeError(
      'Expected `servers` to be URLs such as nats://HOST:4222 or tls://HOST', // Which may have a password.
    )
  const { servers, user, password, token } = read
  return {
    ...options,
    servers,
    ...(options.user === undefined && { user, password: options.password ?? password }),
    token: options.token ?? token,
  }
}

/**
 * Connects. Where that fails, no socket stays: the client leaves open what a server accepts and says nothing on,
 * which keeps the process from its end, and with each attempt there is one more.
 */
async function leavingNoSocket<T>(connect: () => Promise<T>): Promise<T> {
  const sockets: Socket[] = []
  const ours = new AsyncLocalStorage<true>()
  const onSocket = (message: unknown): void => {
    if (ours.getStore() === true) sockets.push((message as { readonly socket: Socket }).socket)
  }
  subscribe('net.client.socket', onSocket)
  try {
    return await ours.run(true, connect)
  } catch (error) {
    for (const socket of sockets) socket.destroy()
    throw error
  } finally {
    unsubscribe('net.client.socket', onSocket)
    ours.disable() // It makes each promise dearer.
  }
}

/** The same for a client that was closed while it tried to connect again. */
function discardSocket(nats: NatsConnection): void {
  const { protocol } = nats as { protocol?: { transport?: { discard?: () => void } } }
  protocol?.transport?.discard?.()
}

/** What the clock shows, beside what time has passed, in milliseconds. */
function clockOffset(): number {
  return Date.now() - performance.now()
}

function authenticators(
  transport: Clients['transport'],
  { creds, nkey, user, password, token }: JetStreamOptions,
): Authenticator[] {
  return [
    ...(creds === undefined ? [] : [transport.credsAuthenticator(bytesOf(creds))]),
    ...(nkey === undefined ? [] : [transport.nkeyAuthenticator(trimmed(nkey))]),
    ...(user === undefined ? [] : [transport.usernamePasswordAuthenticator(user, password)]),
    ...(token === undefined ? [] : [transport.tokenAuthenticator(token)]),
  ]
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text
}

/** A seed in a file ends with a line break. */
function trimmed(seed: string | Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytesOf(seed)).toString('latin1').trim(), 'latin1')
}

/** The same for the same name; a failure is forgotten. */
function once<T>(open: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>()
  return async (name) => {
    const known = opened.get(name)
    if (known !== undefined) return known
    const opening = open(name)
    opened.set(name, opening)
    opening.catch(() => opened.delete(name))
    return opening
  }
}
