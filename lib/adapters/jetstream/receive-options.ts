import { hostname } from 'node:os'
import { checkMembers } from '../../members.js'
import type { QueueContext } from '../../queue/context.js'
import { checkedSetting } from '../../settings.js'
import { notNegative, wholeNumber } from '../../work/work-options.js'
import type { NatsEvent } from './events.js'
import { checkHost } from './subject.js'

/** How items are received. */
export interface ReceiveItemsOptions {
  /** Receive what is for this host. @defaultValue from the pool: what is for any */
  readonly host?: string | undefined
  /** By which name the items of the pool that are here are known. @defaultValue the name of this host */
  readonly as?: string | undefined
  /** How many items the queue should hold at most; more wait on the servers. @defaultValue 1000 */
  readonly depth?: number | undefined
  /**
   * When an item is confirmed to the servers: `spooled`, once it is in the queue to stay; `finished`, once it
   * is done or failed here, so that another receiver of the pool gets it if this host is lost for good.
   *
   * @defaultValue `spooled`
   */
  readonly ack?: 'spooled' | 'finished' | undefined
  /**
   * With `finished`, from the pool: for how many seconds another receiver has to be silent before what it has
   * not finished is taken over. One that cannot reach the servers for two thirds of that takes back what
   * nobody has begun to work on.
   *
   * @defaultValue 60
   */
  readonly lostAfter?: number | undefined
  /** The age in seconds at which an item goes to the dead letters, 0 for none. @defaultValue FSQ_TTL */
  readonly ttl?: number | undefined
  /** The largest body that is received, in bytes, 0 for any; larger ones go to the dead letters. @defaultValue 0 */
  readonly maxSize?: number | undefined
  /**
   * How many items are under way at a time: being written, claimed or linked. About as many again, 8 to 64, are
   * fetched ahead, and some wait only to be confirmed.
   *
   * @defaultValue 256
   */
  readonly concurrency?: number | undefined
  /** Go on with what arrives, until `signal` aborts; otherwise until nothing waits. @defaultValue true */
  readonly follow?: boolean | undefined
  /** How long the end waits for what is under way, in seconds. @defaultValue 30 */
  readonly drain?: number | undefined
  /** Is told of everything. */
  readonly onEvent?: ((event: NatsEvent) => void) | undefined
  /** Ends it: what is under way is waited for, all else stays on the servers. */
  readonly signal?: AbortSignal | undefined
}

const known = new Set<string>([
  'host',
  'as',
  'depth',
  'ack',
  'lostAfter',
  'ttl',
  'maxSize',
  'concurrency',
  'follow',
  'drain',
  'onEvent',
  'signal',
] satisfies (keyof ReceiveItemsOptions)[])

/** The options with their defaults, checked. */
export interface Receiving {
  readonly host: string | undefined
  readonly as: string
  readonly depth: number
  readonly ack: 'spooled' | 'finished'
  readonly lostAfter: number
  readonly ttl: number
  readonly maxSize: number
  readonly concurrency: number
}

/** @throws `TypeError` for what cannot be; `FsqError` `FSQ_PATH` for a host that cannot be addressed. */
export function checkedReceiving(
  options: ReceiveItemsOptions,
  { settings }: QueueContext,
): Receiving {
  checkMembers('an option of receiving', options, known)
  const { host, as = hostname(), depth = 1000, ack = 'spooled', concurrency = 256 } = options
  const { lostAfter = 60, ttl = settings.ttl, maxSize = 0 } = options
  if (host !== undefined) checkHost(host)
  wholeNumber('depth', depth, 1)
  wholeNumber('concurrency', concurrency, 1)
  wholeNumber('maxSize', maxSize, 0)
  checkedSetting('ttl', ttl)
  notNegative('drain', options.drain ?? 0)
  if (!(lostAfter >= 1))
    throw new TypeError(`Expected \`lostAfter\` to be a second or more, got ${String(lostAfter)}`)
  if (!['spooled', 'finished'].includes(ack))
    throw new TypeError(`Expected \`ack\` to be spooled or finished, got ${JSON.stringify(ack)}`)
  if (typeof as !== 'string' || as === '' || as.length > 255)
    throw new TypeError(`Expected \`as\` to be a name, got ${JSON.stringify(as)}`)
  return { host, as, depth, ack, lostAfter, ttl, maxSize, concurrency }
}
