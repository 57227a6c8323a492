import { appendFileSync, readFileSync } from 'node:fs'
import type { LedgerFinish, LedgerItem, ViolationKind } from './oracle.js'

/*
 * What the processes of a fleet did, from begin to end, in one file beside the queue.
 *
 * Each process appends its records with O_APPEND, one write(2) a record, so their order in the file
 * is an order in time that holds between processes and needs no clock: a worker writes `begin` after
 * it got the item and `end` before it finishes it, so whoever begins in between works on an item
 * that somebody has. The killer writes `kill` before it sends the signal. A record begins with its
 * line break: one that was cut short by a signal spoils no other.
 */

/** Something that a process did to the item whose body has that SHA-256. */
export type FleetRecord =
  /** It is about to be enqueued. */
  | { readonly at: 'enqueue'; readonly sha256: string }
  /** The enqueue was acknowledged. */
  | { readonly at: 'enqueued'; readonly sha256: string; readonly id: string }
  /** A worker has it. The `by` of a program that a scan runs is that of the scan, `/`, and its pid. */
  | { readonly at: 'begin'; readonly sha256: string; readonly id: string; readonly by: string }
  /** The worker is about to finish it so. */
  | {
      readonly at: 'end'
      readonly sha256: string
      readonly by: string
      readonly operation: LedgerFinish['operation']
    }
  /** That was acknowledged. */
  | { readonly at: 'finished'; readonly sha256: string; readonly by: string; readonly id: string }
  /** A process is about to get SIGKILL; with a `/` at the end, what it started too. */
  | { readonly at: 'kill'; readonly by: string }
  /** A process is about to be asked to end, or its clock or queue to be changed. */
  | { readonly at: 'term' | 'clock' | 'down'; readonly by: string }
  /** Something came about that kills alone do not explain, such as an operation that failed. */
  | { readonly at: 'odd'; readonly by: string; readonly message: string }

/** What a fleet did wrong, beyond what the oracle sees in the directories. */
export interface FleetViolation {
  readonly kind:
    | ViolationKind
    /** Two workers had an item at the same time. */
    | 'together'
    /** An operation failed although nobody was in its way. */
    | 'odd'
  readonly detail: string
  /** Who did it. */
  readonly by: string
}

/** What a fleet did. */
export interface FleetHistory {
  /** For the oracle. */
  readonly items: readonly LedgerItem[]
  readonly violations: readonly FleetViolation[]
  /** How often each thing was done, to see that a fleet did what it is for. */
  readonly counts: Readonly<Record<FleetRecord['at'] | 'cut', number>>
}

/** Appends a record. */
export function writeRecord(path: string, record: FleetRecord): void {
  appendFileSync(path, `\n${JSON.stringify(record)}`)
}

/** All records, in order. */
export function readRecords(path: string): FleetRecord[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as FleetRecord]
      } catch {
        return [] // Cut short; whoever wrote it did nothing afterwards.
      }
    })
}

interface ItemHistory {
  enqueuedAs?: string
  /** Who has it, by the records. */
  worker?: string | undefined
  /** Its name when a worker had it last. */
  id?: string
  finish?: { operation: LedgerFinish['operation']; id?: string }
  /** Who was about to finish it so, until the next has it. */
  endedBy?: string | undefined
}

/** Judges the records of a fleet. */
export function judgeRecords(records: readonly FleetRecord[]): FleetHistory {
  const items = new Map<string, ItemHistory>()
  const violations: FleetViolation[] = []
  const counts = {
    ...{ enqueue: 0, enqueued: 0, begin: 0, end: 0, finished: 0 },
    ...{ kill: 0, term: 0, clock: 0, down: 0, odd: 0, cut: 0 },
  }
  const add = (kind: FleetViolation['kind'], by: string, detail: string): void => {
    violations.push({ kind, by, detail })
  }
  const killed = new Set<string>()
  const latest = new Map<string, string>()
  // An acknowledgement may be read, and written down, long after it was given: the first belongs to
  // the first time that a worker had the item, and the last time it may have been killed before it.
  const acknowledged = new Map<string, string[]>()
  for (const record of records) {
    if (record.at !== 'finished') continue
    const key = `${record.by} ${record.sha256}`
    acknowledged.set(key, [...(acknowledged.get(key) ?? []), record.id])
  }
  const known = (sha256: string, by: string): ItemHistory => {
    const item = items.get(sha256)
    if (item !== undefined) return item
    add('torn', by, `${sha256} is no body that somebody enqueued`)
    return {}
  }
  for (const record of records) {
    counts[record.at]++
    switch (record.at) {
      case 'enqueue':
        items.set(record.sha256, {})
        break
      case 'enqueued':
        known(record.sha256, 'an enqueue').enqueuedAs = record.id
        break
      case 'begin': {
        const item = known(record.sha256, record.by)
        const { by } = record
        if (item.worker !== undefined) add('together', by, `${record.id}, which ${item.worker} has`)
        const { operation, id } = item.finish ?? {}
        if (id !== undefined && operation !== 'retry')
          add('again', by, `${record.id}: ${operation} before`)
        // What is tried again says so in its name, also where nobody said that it was.
        const isAsBefore = operation !== 'retry' || record.id === item.id
        const { endedBy } = item
        if (id === undefined && endedBy !== undefined && isAsBefore && !isCut(endedBy, killed))
          add('again', endedBy, `${record.id}: nothing kept it from its ${operation}`)
        item.worker = isKilled(by, killed) ? undefined : by
        item.id = record.id
        item.endedBy = undefined
        latest.set(by, record.sha256)
        break
      }
      case 'end': {
        const item = known(record.sha256, record.by)
        const { by, operation } = record
        const id = acknowledged.get(`${by} ${record.sha256}`)?.shift()
        item.finish = id === undefined ? { operation } : { operation, id }
        item.endedBy = by
        if (item.worker === by) item.worker = undefined
        break
      }
      case 'kill':
        killed.add(record.by)
        for (const item of items.values()) {
          if (item.worker === undefined || !isKilled(item.worker, killed)) continue
          counts.cut++
          item.worker = undefined
        }
        failsByKill(items.get(latest.get(record.by) ?? ''), record.by)
        break
      case 'odd':
        add('odd', record.by, record.message)
    }
  }
  const ledgerItems = [...items].map(([sha256, { enqueuedAs, finish }]) => ({
    sha256,
    id: enqueuedAs,
    finish,
  }))
  return { items: ledgerItems, violations, counts }
}

/** A scan whose program is killed moves the item to fail/. */
function failsByKill(item: ItemHistory | undefined, by: string): void {
  if (item !== undefined && /\/./.test(by)) item.finish = { operation: 'fail' }
}

/** Whether a worker, or the scan that was to finish the item of its program, was killed. */
function isCut(by: string, killed: ReadonlySet<string>): boolean {
  return isKilled(by, killed) || killed.has(by.replace(/\/.*/, ''))
}

function isKilled(by: string, killed: ReadonlySet<string>): boolean {
  return killed.has(by) || killed.has(`${by.replace(/\/.*/, '')}/`)
}
