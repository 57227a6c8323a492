import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseItemName } from '../../lib/name/item-name.js'
import { openRoot } from '../../lib/root/root.js'
import {
  allowedStates,
  type Crash,
  type Durability,
  type Operation,
  type Place,
  places,
  stateOf,
} from './promises.js'

/*
 * The oracle: what a crash left in the directory of a queue, judged by the log of what was
 * acknowledged before it (docs/guarantees.md, design of the promises A to E).
 *
 *   A complete        every visible item parses, and its body is one that was to be enqueued
 *   B durable         what was acknowledged is where it was promised to be
 *   C single          an item is in one state of the table, several names of it are one inode
 *   D recoverable     recover.ts: after repair tmp/ is clean, a scan drains the queue
 *   E no false error  what failed is absent, so that a retry can finish it
 *
 * Items are told apart by their bodies, since a name changes with each try: every body that a test
 * enqueues must be unlike all others.
 */

/** What is known of one item from outside the machine that crashed. */
export interface LedgerItem {
  /** The SHA-256 of its body, logged before the enqueue began. */
  readonly sha256: string
  /** Its name, if the enqueue was acknowledged. */
  readonly id?: string | undefined
  /** Whether the enqueue returned an error. */
  readonly refused?: boolean | undefined
  /** The last finishing operation that was begun on it. */
  readonly finish?: LedgerFinish | undefined
}

export interface LedgerFinish {
  readonly operation: Exclude<Operation, 'enqueue'>
  /** Its name afterwards, if that was acknowledged. */
  readonly id?: string | undefined
}

export interface Ledger {
  readonly durability: Durability
  readonly crash: Crash
  readonly items: readonly LedgerItem[]
}

export type ViolationKind =
  | 'torn' // A: a visible item whose body is none that was enqueued
  | 'malformed' // A: a visible entry that is no item
  | 'lost' // B: an acknowledged item is nowhere
  | 'back' // B: an acknowledged finish is undone
  | 'state' // C: an item in a combination of places that no state allows
  | 'double' // C: an item as two files
  | 'false error' // E: an enqueue failed and its item is there
  | 'unrepaired' // D: something is left after repair
  | 'undrained' // D: an item is left after repair and a scan
  | 'unhandled' // D: an acknowledged item was never handled
  | 'again' // D: a finished item was handled again

export interface Violation {
  readonly kind: ViolationKind
  readonly detail: string
}

/** One file of one place. */
export interface Entry {
  readonly place: Place
  readonly name: string
  readonly inode: string
  readonly sha256: string
}

/** Everything in the four directories of a queue. */
export function snapshot(queueDirectory: string): Entry[] {
  return places.flatMap((place) =>
    readdirSync(join(queueDirectory, place)).map((name) => {
      const path = join(queueDirectory, place, name)
      const stat = lstatSync(path, { bigint: true })
      const body = stat.isDirectory() ? 'a directory' : readFileSync(path)
      return { place, name, inode: `${stat.dev}:${stat.ino}`, sha256: sha256(body) }
    }),
  )
}

export function sha256(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

/** The violations of A, B, C and E in what a crash left. */
export function judge(entries: readonly Entry[], ledger: Ledger): Violation[] {
  const items = new Map(ledger.items.map((item) => [item.sha256, item]))
  const visible = entries.filter(({ place }) => place !== 'tmp')
  // Where nothing is promised, a power cut may leave files without their bytes.
  const anything = allowedStates('enqueue', ledger.durability, ledger.crash) === undefined
  return [
    ...visible.flatMap((entry) => judgeEntry(entry, items, anything)),
    ...ledger.items.flatMap((item) =>
      judgeItem(
        item,
        entries.filter(({ sha256 }) => sha256 === item.sha256),
        ledger,
      ),
    ),
  ]
}

/** Whether an item waits for work after the operation. */
export function isAgain(operation: Operation | undefined): boolean {
  return operation === 'retry' || operation === 'requeue'
}

/** The rules by which names are read, without regard to the environment of the tests. */
const { reading } = openRoot({ root: '/' }).queue('q').context

function judgeEntry(
  { place, name, sha256 }: Entry,
  items: ReadonlyMap<string, LedgerItem>,
  tornIsAllowed: boolean,
): Violation[] {
  const where = `${place}/${name}`
  try {
    parseItemName(name, reading)
  } catch (error) {
    return [{ kind: 'malformed', detail: `${where}: ${String(error)}` }]
  }
  if (items.has(sha256) || tornIsAllowed) return []
  return [{ kind: 'torn', detail: `${where} has a body that nobody enqueued` }]
}

function judgeItem(item: LedgerItem, found: readonly Entry[], ledger: Ledger): Violation[] {
  const { durability, crash } = ledger
  const what = item.id ?? item.finish?.id ?? item.sha256.slice(0, 8)
  const where = new Set(found.map(({ place }) => place))
  const list = found.map(({ place, name }) => `${place}/${name}`).join(' ') || 'nowhere'
  const violation = (kind: ViolationKind): Violation => ({ kind, detail: `${what}: ${list}` })
  const state = stateOf(where)
  if (state === undefined) return [violation('state')]
  if (new Set(found.map(({ inode }) => inode)).size > 1) return [violation('double')]
  if (item.refused === true) {
    // After a power cut the removal of the name may be undone; the caller was not told that it is in.
    const allowed = crash === 'kill' ? ['absent'] : ['absent', 'building', 'queued']
    return allowed.includes(state) ? [] : [violation('false error')]
  }
  if (item.id === undefined && item.finish === undefined) return []
  const enqueued = allowedStates('enqueue', durability, crash)
  if (enqueued !== undefined && !enqueued.includes(state)) return [violation('lost')]
  if (item.finish?.id === undefined) return []
  const { operation, id } = item.finish
  const finished = allowedStates(operation, durability, crash)
  if (finished === undefined) return []
  if (!finished.includes(state)) return [violation('back')]
  // Only at full is the old name of an item that is tried again gone for good.
  const stale = (entry: Entry): boolean => entry.place === 'queue' && entry.name !== id
  const exact = durability === 'full' || crash === 'kill'
  return isAgain(operation) && exact && found.some(stale) ? [violation('back')] : []
}
