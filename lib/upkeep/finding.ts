import type { Limits } from '../queue/finish.js'
import type { QueueContext } from '../queue/context.js'
import { printableName } from '../queue/printable.js'
import type { ItemState } from './list-items.js'

const kinds = {
  'install-leftover': 'a hidden directory beside the queue, left by an install that was cut',
  'uninstall-leftover': 'a hidden directory beside the queue, left by an uninstall that was cut',
  'missing-directory': 'one of the four directories of the queue is not there',
  'not-a-directory': 'a link, or a file, is in the place of a directory of the queue',
  'world-writable': 'anybody may write to a directory of the queue',
  'wrong-mode': 'a directory, or an item that waits, has another mode than the settings say',
  'wrong-owner': 'a directory, or an item that waits, has another owner than the settings say',
  stale: 'a file in tmp/ whose enqueue was cut before it was acknowledged',
  'enqueue-cut': 'an item has a second name in tmp/: its enqueue was cut after the link',
  'finish-cut': 'an item has one name in queue/ and one in done/ or fail/: its finish was cut',
  'retry-cut':
    'an item has two names in queue/, with one more try in the second: its retry was cut',
  'stale-key': 'a key of .ids/ whose item is gone: nobody is kept from enqueueing under it',
  linked: 'an item has several names in the queue, which nothing that fsq does explains',
  'same-name': 'two items have the same name, in two of queue/, done/ and fail/',
  malformed: 'an entry is not a work-item',
  exhausted: 'an item that waits has used up its tries',
  expired: 'an item that waits is older than its time to live',
  abandoned: 'the body of an item was read and nobody holds its lock: its worker may have died',
} as const

/** What an audit can find; {@link findingKinds} has the meanings. */
export type FindingKind = keyof typeof kinds

/** What each kind of finding means. The kinds are stable, the reasons that findings give are not. */
export const findingKinds: Readonly<Record<FindingKind, string>> = kinds

/** Something about a queue that is not as it should be, or that is worth knowing. */
export interface Finding {
  /** The queue. */
  readonly queue: string
  /** What it is. */
  readonly kind: FindingKind
  /** The directory that it is in, or that it is about; not where it is about the whole queue. */
  readonly state?: ItemState
  /** The name of the entry; with \\xNN for bytes that are not text. Only where there is one. */
  readonly id?: string
  /** The path; with \\xNN for bytes that are not text. */
  readonly path: string
  /** How long it has been as it is, in seconds. Only where that can be told. */
  readonly age?: number
  /** How it came about, in words. */
  readonly reason: string
  /**
   * What there is to do: `repair` mends it, or somebody has to `decide`, or nothing: `none`.
   */
  readonly remedy: 'repair' | 'decide' | 'none'
}

/** How a queue is examined. */
export interface AuditOptions extends Partial<Limits> {
  /**
   * How long, in seconds, a file in tmp/ or a hidden directory of install and uninstall must have
   * been unchanged to be a leftover. A second name of an item counts after a minute, or sooner where
   * this is less. With 0 everything counts at once: only where nobody uses the queue.
   *
   * @defaultValue 36 hours
   */
  readonly older?: number | undefined
  /** The time from which age counts. @defaultValue now */
  readonly now?: Date | undefined
  /**
   * How often an item is tried, 0 for ever.
   *
   * @defaultValue FSQ_MAX_TRIES if that is more than 1, else 0: where one try is the limit no scan
   * leaves an item that was tried in queue/, so one that is there belongs to scans with another limit
   */
  readonly maxTries?: number
  /** The age in seconds at which an item fails permanently, 0 for none. @defaultValue FSQ_TTL */
  readonly ttl?: number
}

/** The names of {@link AuditOptions}. */
export const auditOptions: readonly (keyof AuditOptions)[] = ['older', 'now', 'maxTries', 'ttl']

/**
 * 36 hours, in seconds, as qmail and maildir use for the same purpose: longer than any enqueue
 * takes. One that nevertheless takes longer fails; it is not acknowledged.
 */
export const defaultOlder = 36 * 60 * 60

/** What an examination goes by. */
export interface Examination {
  readonly context: QueueContext
  /** In milliseconds. */
  readonly now: number
  /** In seconds: {@link AuditOptions.older}. */
  readonly older: number
  /** In seconds: how long what is done in one go may take. */
  readonly settled: number
  readonly limits: Limits
}

/** What there is to do about a finding. */
export interface Mend {
  /** What is done, as a participle: `removed`. */
  readonly action: string
  /**
   * Does it, under the lock of the item, and syncs it. False where it is no longer as it was found.
   * Throws what keeps it from that.
   */
  readonly run: () => Promise<boolean>
}

/** A finding, and what repair does about it. */
export interface Found {
  readonly finding: Finding
  readonly mend?: Mend
}

/** What {@link found} is told. */
export interface Facts {
  readonly kind: FindingKind
  readonly reason: string
  /** The directory that it is in, or that it is about. */
  readonly state?: ItemState | undefined
  /** The name of the entry, as a byte string. */
  readonly entry?: string
  /** The path, where it is neither that of an entry of `state` nor `state` itself. */
  readonly path?: string
  readonly age?: number
  readonly mend?: Mend
  /** There is nothing to do about it. */
  readonly harmless?: boolean
}

/** Puts a finding together. */
export function found({ context }: Examination, facts: Facts): Found {
  const { kind, reason, state, entry, age, mend, harmless = false } = facts
  const id = entry === undefined ? undefined : printableName(entry, context.reading.charset)
  const directory = context.paths[state ?? 'directory']
  const path = facts.path ?? (id === undefined ? directory : `${directory}/${id}`)
  const finding: Finding = {
    queue: context.name,
    kind,
    ...(state === undefined ? {} : { state }),
    ...(id === undefined ? {} : { id }),
    path,
    ...(age === undefined ? {} : { age }),
    reason,
    remedy: harmless ? 'none' : mend === undefined ? 'decide' : 'repair',
  }
  return { finding, ...(mend === undefined ? {} : { mend }) }
}

/** How long ago, in seconds, an entry was last changed: written, linked, renamed, given a mode. */
export function ageOf(
  { now }: Examination,
  stat: { readonly mtimeMs: number; readonly ctimeMs: number },
): number {
  // A clock that was set back does not make what is there younger than nothing.
  return Math.max(0, now - Math.max(stat.mtimeMs, stat.ctimeMs)) / 1000
}
