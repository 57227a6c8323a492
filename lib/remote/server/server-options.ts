import { checkMembers } from '../../members.js'
import type { RequestEvent } from './request-event.js'

/** Files in PEM by which a server speaks TLS. */
export interface TlsFiles {
  /** The path of the certificate, with those of the authorities between it and the root. */
  readonly cert: string
  /** The path of its private key. */
  readonly key: string
  /** The path of the certificates of the authorities that sign those of clients; others are refused. */
  readonly clientCa?: string | undefined
}

/** How a server serves. */
export interface ServerOptions {
  /**
   * The path of a file of tokens, one a line, `TOKEN [QUEUE...]`: a request has to have one of them, and
   * may name the queues behind it, or any where there is none. A token has 16 characters or more; others
   * than the owner and the group of the file may not read it.
   *
   * @defaultValue none: every client may use every queue
   */
  readonly tokenFile?: string | undefined
  /** Speak TLS. @defaultValue plain HTTP */
  readonly tls?: TlsFiles | undefined
  /**
   * Listen to others than this machine although nothing tells who they are: a queue runs programs, so
   * who may enqueue may run them.
   *
   * @defaultValue false
   */
  readonly insecure?: boolean | undefined
  /** Pull the trigger of a queue after each item that comes. @defaultValue false */
  readonly trigger?: boolean | undefined
  /** The most bytes of a JSON-RPC request, which is in memory; from 4096. @defaultValue 16 MiB */
  readonly maxBody?: number | undefined
  /** The most bytes of all JSON-RPC requests together. @defaultValue 4 times `maxBody` */
  readonly maxBodies?: number | undefined
  /** The most bytes of an item that is put, which goes to the disk; 0 for any number. @defaultValue 0 */
  readonly maxItem?: number | undefined
  /**
   * The most connections. Where there are so many, a new one takes the place of one without a request;
   * if there is none, it is told to come again.
   *
   * @defaultValue 256
   */
  readonly maxConnections?: number | undefined
  /** How long a client may take for the head of a request, in seconds. @defaultValue 10 */
  readonly headTimeout?: number | undefined
  /** For how long a body may bring less than 16 KiB, in seconds. @defaultValue 30 */
  readonly bodyTimeout?: number | undefined
  /** Is told of every request when it is over. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined
  /** Is told of what went wrong here, rather than with a request. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The options, each with a value. */
export interface ServerLimits {
  readonly maxBody: number
  readonly maxBodies: number
  readonly maxItem: number
  readonly maxConnections: number
  readonly headTimeout: number
  readonly bodyTimeout: number
}

const known: ReadonlySet<string> = new Set<keyof ServerOptions>([
  'tokenFile',
  'tls',
  'insecure',
  'trigger',
  'maxBody',
  'maxBodies',
  'maxItem',
  'maxConnections',
  'headTimeout',
  'bodyTimeout',
  'onRequest',
  'onError',
])

/** The most that a body in memory may have: of it, text is made that Node.js can hold. */
export const largestBody = 256 * 1024 * 1024

/** The least that it may be limited to: a call about an item has its name, and a client asks for methods. */
export const smallestBody = 4096

/** The most that it may have where nobody says otherwise. */
export const usualBody = 16 * 1024 * 1024

/** All bodies together may have so many times as much, where nobody says otherwise. */
export const bodiesTogether = 4

/** The most connections where nobody says otherwise. */
export const usualConnections = 256

/**
 * Checks the options and fills in what they leave out.
 *
 * @throws `TypeError`
 */
export function serverLimits(options: ServerOptions): ServerLimits {
  checkMembers('an option of createServer', options, known)
  const { maxBody = usualBody } = options
  const limits = {
    maxBody,
    maxBodies: options.maxBodies ?? bodiesTogether * maxBody,
    maxItem: options.maxItem ?? 0,
    maxConnections: options.maxConnections ?? usualConnections,
    headTimeout: options.headTimeout ?? 10,
    bodyTimeout: options.bodyTimeout ?? 30,
  }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'maxItem' ? 0 : name === 'maxBody' ? smallestBody : 1
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new TypeError(`Expected \`${name}\` to be a whole number from ${least}, got ${value}`)
  }
  if (maxBody > largestBody)
    throw new TypeError(`Expected \`maxBody\` to be at most ${largestBody}, got ${maxBody}`)
  return limits
}
