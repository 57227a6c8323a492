import { all } from '../all.js'
import { FsqError } from '../errors.js'
import { inFlight } from '../in-flight.js'
import { checkMembers } from '../members.js'
import { toByteString } from '../name/charset.js'
import { isDirectory, listNames, statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { hostContext, type QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import { checkQueue, failure } from '../queue/failure.js'
import type { Outcome } from '../queue/finish.js'
import { chosenQueues } from '../queue/hosts.js'
import type { Item } from '../queue/item.js'
import { reenqueueItem } from '../queue/reenqueue.js'
import type { ItemEvent, ScanEvent } from '../queue/scan-events.js'
import { Scan, type ScanOptions } from '../queue/scan.js'
import {
  DistributionRecord,
  keepLastHost,
  readLastHost,
  removeStaleRecords,
} from './distribution-record.js'

/*
 * Host-dist, fsq(7): the items of a queue are put into its host queues. For each item, locked:
 *
 *   1. decide which hosts it is for, and note that in its record     the item, in queue/
 *   2. put it into each of their queues under its name, to last,
 *      and note that: it is there already, which is success          the same, and a copy here and there
 *   3. move the item to done/                                        the same, in done/
 *   4. remove the record                                             a stale record, which the next removes
 *
 * A host that is down gets nothing for now: its items stay in the queue, with their records, for the next
 * distribution. The item is done only when each host that it is for has it.
 */

/** How the items of a queue are distributed to its host queues. */
export interface DistributeOptions extends Pick<
  ScanOptions,
  'ignoreDown' | 'lock' | 'noOpen' | 'maxTries' | 'ttl' | 'limit' | 'signal'
> {
  /** The hosts. @defaultValue all that the queue has host queues for */
  readonly hosts?: readonly string[] | undefined
  /**
   * Which of the hosts get an item: `all` of them; one by `round-robin`, which goes on where the last
   * distribution ended; or the one in whose queue the `least` items wait. One that is down is left out,
   * and with `all` gets its copy by a later distribution.
   *
   * @defaultValue `all`
   */
  readonly spread?: Spread | undefined
  /** Link items instead of copying them: {@link ReenqueueOptions.link}. @defaultValue false */
  readonly link?: boolean | undefined
  /**
   * Leave the items in the queue as well. A later distribution gives them to hosts that do not have them.
   *
   * @defaultValue false
   */
  readonly noDone?: boolean | undefined
  /** Is told of every item. */
  readonly onEvent?: ((event: DistributeEvent) => void) | undefined
}

/** Which hosts get an item. */
export type Spread = 'all' | 'round-robin' | 'least'

/** Every {@link Spread}. */
export const spreads: readonly Spread[] = ['all', 'round-robin', 'least']

const distributeOptions: ReadonlySet<string> = new Set<keyof DistributeOptions>([
  'ignoreDown',
  'lock',
  'noOpen',
  'maxTries',
  'ttl',
  'limit',
  'signal',
  'hosts',
  'spread',
  'link',
  'noDone',
  'onEvent',
])

/** Each host that the item is for has it. */
export interface DistributedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'distributed'
  /** The hosts that have it. */
  readonly hosts: readonly string[]
  /** What became of the item itself, unless it was left. */
  readonly outcome?: Outcome
}

/** Hosts that the item is for are down; it waits in the queue. */
export interface PostponedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'postponed'
  /** The hosts that have it. */
  readonly hosts: readonly string[]
  /** The hosts that are down. */
  readonly down: readonly string[]
}

/** Something that happened to an item that was, or was to be, distributed. */
export type DistributeEvent = ScanEvent | DistributedEvent | PostponedEvent

/** What a distribution did. */
export interface DistributeResult {
  /** How many items have reached each host that they are for. */
  readonly distributed: number
  /** How many wait for hosts that are down. */
  readonly postponed: number
}

/** How many items are on their way at a time: they share their syncs. */
const atOnce = 16

/** {@link Queue.distribute} */
export async function distributeItems(
  queue: QueueContext,
  options: DistributeOptions = {},
): Promise<DistributeResult> {
  checkMembers('an option of distribute', options, distributeOptions)
  const { spread = 'all', hosts, ignoreDown, lock, noOpen, maxTries, ttl, limit, signal } = options
  if (!spreads.includes(spread))
    throw new TypeError(`Expected \`spread\` to be ${spreads.join(', ')}, got ${spread}`)
  if (noOpen === true && options.link !== true)
    throw new TypeError('Expected `link` beside `noOpen`: what is not opened cannot be copied')
  const given = { ignoreDown, lock, noOpen, maxTries, ttl, limit, signal, onEvent: options.onEvent }
  const targets = chosenQueues(queue, { hosts: hosts ?? 'all' })
  try {
    for (const target of targets) checkQueue(target)
    const distribution = new Distribution(queue, targets, { ...options, spread })
    removeStaleRecords(queue)
    await distributeAll(new Scan(queue, withoutUndefined(given)), distribution)
    return distribution.result
  } catch (error) {
    throw cannot(queue, `distribute the items of ${queue.name}`, error)
  }
}

/** Several items at a time; what one of them would share with the next ends it. */
async function distributeAll(scan: Scan, distribution: Distribution): Promise<void> {
  try {
    await inFlight(scan, atOnce, (item) => distribution.run(item))
  } finally {
    await scan.return()
    await distribution.end()
  }
}

/** One distribution, and whose turn it is in it. */
class Distribution {
  readonly #queue: QueueContext
  readonly #targets: ReadonlyMap<string, QueueContext>
  readonly #options: DistributeOptions & { readonly spread: Spread }
  /** How many items wait for each host, where that decides. */
  readonly #waiting = new Map<string, number>()
  #lastHost: string | undefined
  #tookTurn = false
  #distributed = 0
  #postponed = 0

  constructor(
    queue: QueueContext,
    targets: readonly QueueContext[],
    options: DistributeOptions & { readonly spread: Spread },
  ) {
    this.#queue = queue
    this.#targets = new Map(targets.map((target) => [target.host?.name ?? '', target]))
    this.#options = options
    if (options.spread === 'round-robin') this.#lastHost = readLastHost(queue)
    if (options.spread === 'least')
      for (const [host, { paths }] of this.#targets)
        this.#waiting.set(host, listNames(paths.queue).length)
  }

  get result(): DistributeResult {
    return { distributed: this.#distributed, postponed: this.#postponed }
  }

  /** Keeps whose turn it was. */
  async end(): Promise<void> {
    if (this.#tookTurn && this.#lastHost !== undefined)
      await keepLastHost(this.#queue, this.#lastHost)
  }

  /** The steps above for one item, which is closed in the end. */
  async run(item: Item): Promise<void> {
    const { noDone, onEvent } = this.#options
    const about = { queue: this.#queue.name, id: item.id }
    try {
      using record = DistributionRecord.open(this.#queue, item.id)
      const targets = await this.#decide(record)
      const down = targets.filter((target) => this.#isPostponed(target, record))
      await all(
        targets
          .filter((target) => !down.includes(target))
          .map((target) => this.#give(item, target, record)),
      )
      const hosts = [...record.has].sort()
      if (targets.length === 0 || down.length > 0) {
        await record.sync()
        this.#postponed++
        const names = down.length > 0 ? down : [...this.#targets.values()]
        onEvent?.({ ...about, type: 'postponed', hosts, down: names.map(hostOf) })
        return
      }
      this.#distributed++
      if (noDone === true) {
        onEvent?.({ ...about, type: 'distributed', hosts })
        return
      }
      const outcome = await item.success()
      record.remove()
      onEvent?.({ ...about, type: 'distributed', hosts, outcome })
    } catch (cause) {
      const error = cannot(
        this.#queue,
        `distribute item ${item.id} of ${this.#queue.name}`,
        cause,
        item.id,
      )
      if (!(error instanceof FsqError) || isAboutQueue(error)) throw error
      onEvent?.({ ...about, type: 'error', error })
    } finally {
      item.close()
    }
  }

  /** For whom an item is: as it was decided before, and with `all` for those of now, too. */
  async #decide(record: DistributionRecord): Promise<QueueContext[]> {
    if (this.#options.spread === 'all') await record.decide([...this.#targets.keys()])
    const before = this.#existing(record)
    if (before.length > 0) return before
    const host = this.#nextHost()
    if (host !== undefined) await record.decide([host])
    return this.#existing(record)
  }

  /** Those whose host queue was not removed since it was decided. */
  #existing({ targets }: DistributionRecord): QueueContext[] {
    return [...targets]
      .map((host) => this.#targets.get(host) ?? hostContext(this.#queue, host))
      .filter(({ paths }) => isDirectory(paths.queue))
  }

  #nextHost(): string | undefined {
    const up = [...this.#targets].filter(([, target]) => this.#isUp(target)).map(([host]) => host)
    const host = this.#options.spread === 'least' ? this.#leastOf(up) : this.#nextOf(up)
    if (host === undefined) return undefined
    this.#waiting.set(host, (this.#waiting.get(host) ?? 0) + 1)
    this.#lastHost = host
    this.#tookTurn = this.#options.spread === 'round-robin'
    return host
  }

  #leastOf(hosts: readonly string[]): string | undefined {
    const waiting = (host: string): number => this.#waiting.get(host) ?? 0
    return hosts.toSorted((a, b) => waiting(a) - waiting(b))[0]
  }

  #nextOf(hosts: readonly string[]): string | undefined {
    const sorted = hosts.toSorted()
    const last = this.#lastHost
    return (last === undefined ? undefined : sorted.find((host) => host > last)) ?? sorted[0]
  }

  #isUp(target: QueueContext): boolean {
    return this.#options.ignoreDown === true || !isDown(target)
  }

  #isPostponed(target: QueueContext, record: DistributionRecord): boolean {
    return !record.has.has(hostOf(target)) && !this.#isUp(target)
  }

  async #give(item: Item, target: QueueContext, record: DistributionRecord): Promise<void> {
    const { link, signal } = this.#options
    const host = hostOf(target)
    if (record.has.has(host)) return
    // In done/ or fail/ it is there too: it was given, and this was ended before that was noted.
    if (!isFinished(target, item)) await reenqueueItem(target, item, { link, signal })
    await record.note(host)
  }
}

function hostOf({ host }: QueueContext): string {
  return host?.name ?? ''
}

function isFinished({ paths, writing }: QueueContext, { id }: Item): boolean {
  const entry = toByteString(id, writing.charset)
  return [paths.done, paths.fail].some((path) => statEntry(entryPath(path, entry)) !== undefined)
}

function cannot(queue: QueueContext, attempt: string, cause: unknown, id?: string): unknown {
  return failure('FSQ_ENQUEUE', `cannot ${attempt}`, cause, queue, id === undefined ? {} : { id })
}

/** What the next item would meet as well. */
function isAboutQueue({ code }: FsqError): boolean {
  return ['FSQ_NO_QUEUE', 'FSQ_UNSUPPORTED', 'FSQ_ENV'].includes(code)
}

/** The scan takes no option that is there and undefined. */
function withoutUndefined(options: object): ScanOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
