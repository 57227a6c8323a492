import { basename, dirname } from 'node:path'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import { repairQueue } from '../../lib/upkeep/repair.js'
import {
  type Entry,
  isAgain,
  judge,
  type Ledger,
  type LedgerItem,
  sha256,
  snapshot,
  type Violation,
  type ViolationKind,
} from './oracle.js'
import { allowedStates } from './promises.js'

/*
 * D of the oracle, recoverable: the queue that a crash left is repaired as an operator would, and
 * drained by one scan.
 *
 *   1. repair; now nothing is in tmp/, each item is in one place, and what was promised still holds
 *   2. scan, handle every item and finish it as done; now queue/ is empty
 *   3. count: every acknowledged item that nobody had begun to finish was handled once, and what
 *      had been finished for good was not handled again
 *
 * It changes the directory: judge what the crash left before.
 */

/** Repairs and drains a queue that nobody works on any more; the violations of D. */
export async function recover(queueDirectory: string, ledger: Ledger): Promise<Violation[]> {
  const queue = openRoot({ root: dirname(queueDirectory) }).queue(basename(queueDirectory))
  const unrepaired = await repair(queue)
  const repaired = snapshot(queueDirectory)
  const handled = new Map<string, number>()
  const undrained = await drain(queue, handled)
  const isPromised = allowedStates('enqueue', ledger.durability, ledger.crash) !== undefined
  return [
    ...[...unrepaired, ...judgeRepaired(repaired, ledger)].filter(
      // Where nothing is promised, a power cut may leave what only an operator can decide about.
      ({ kind }) => kind !== 'unrepaired' || isPromised,
    ),
    ...undrained,
    ...snapshot(queueDirectory)
      .filter(({ place }) => place === 'queue')
      .map(({ name }): Violation => ({ kind: 'undrained', detail: `queue/${name}` })),
    ...ledger.items.flatMap((item) => judgeHandled(item, handled.get(item.sha256) ?? 0, ledger)),
  ]
}

/** Nobody uses the queue any more, so that everything left over may go at once. */
async function repair(queue: Queue): Promise<Violation[]> {
  const violations: Violation[] = []
  for await (const { finding, outcome } of repairQueue(queue, { older: 0, maxTries: 0, ttl: 0 }))
    if (outcome !== 'mended')
      violations.push({ kind: 'unrepaired', detail: `${finding.path}: ${finding.reason}` })
  return violations
}

function judgeRepaired(entries: readonly Entry[], ledger: Ledger): Violation[] {
  const seen = new Set<string>()
  const unfinished = entries.filter(({ place, inode }) => {
    const again = seen.has(inode)
    seen.add(inode)
    return place === 'tmp' || again
  })
  return [
    ...judge(entries, ledger),
    ...unfinished.map(({ place, name }): Violation => ({
      kind: 'unrepaired',
      detail: `${place}/${name}`,
    })),
  ]
}

/** Handles every item there is; counts them by their bodies. */
async function drain(queue: Queue, handled: Map<string, number>): Promise<Violation[]> {
  const violations: Violation[] = []
  const scan = queue.scan({
    maxTries: 0,
    ttl: 0,
    ignoreDown: true,
    onEvent: ({ type, id, ...event }) => {
      const why = 'error' in event ? event.error.message : 'out of order'
      violations.push({ kind: 'undrained', detail: `${type}: ${id}: ${why}` })
    },
  })
  for await (const item of scan) {
    const body = sha256(await item.bytes())
    handled.set(body, (handled.get(body) ?? 0) + 1)
    await item.done()
  }
  return violations
}

/** The states in which an item is not handled any more. */
const final = ['done', 'failed']

function judgeHandled(item: LedgerItem, times: number, ledger: Ledger): Violation[] {
  const { durability, crash } = ledger
  const { id, finish, refused } = item
  const violation = (kind: ViolationKind): Violation[] => [
    { kind, detail: `${id ?? item.sha256.slice(0, 8)}: ${times} times` },
  ]
  if (times > 1) return violation('again')
  if (finish !== undefined && !isAgain(finish.operation)) {
    // Begun, but not acknowledged: the crash fell between handling and completion.
    const promised =
      finish.id === undefined ? undefined : allowedStates(finish.operation, durability, crash)
    const over = promised?.every((state) => final.includes(state)) === true
    return over && times > 0 ? violation('again') : []
  }
  // A retry that was cut may have been the last, and have ended in fail/.
  if (finish !== undefined && finish.id === undefined) return []
  const acknowledged = id !== undefined || finish?.id !== undefined
  const promised = allowedStates(finish?.operation ?? 'enqueue', durability, crash) !== undefined
  return acknowledged && refused !== true && promised && times === 0 ? violation('unhandled') : []
}
