import type { LedgerFinish, LedgerItem } from './oracle.js'

/*
 * What operate.mjs tells, a line an event, made into what the oracle knows of each item.
 */

interface Event {
  readonly event:
    | 'enqueue' // begins
    | 'enqueued'
    | 'refused'
    | 'finish' // begins
    | 'finished'
    | 'requeue' // begins
    | 'requeued'
    | 'move' // to another queue, begins
    | 'prune' // begins
    | 'install' // begins
    | 'installed'
    | 'uninstall' // begins
    | 'uninstalled'
    | 'error'
  readonly queue?: string
  readonly sha256?: string
  readonly id?: string
  readonly operation?: LedgerFinish['operation']
  readonly state?: 'done' | 'fail' | 'queue'
  readonly code?: string
  readonly message?: string
}

/** The events of a ledger; a line that was cut is none. */
export function readEvents(text: string): Event[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event)
}

const operationOf = { done: 'done', fail: 'fail', queue: 'retry' } as const

/** What is known of the items of one queue after these events. */
export function itemsOf(events: readonly Event[], queue: string): LedgerItem[] {
  const items = new Map<string, LedgerItem>()
  for (const { event, id, operation, state, sha256, ...rest } of events) {
    if (rest.queue !== queue || sha256 === undefined) continue
    const item: LedgerItem = items.get(sha256) ?? { sha256 }
    items.set(sha256, { ...item, ...change() })
    function change(): Partial<LedgerItem> {
      switch (event) {
        case 'enqueue':
          return { refused: undefined }
        case 'enqueued':
          return { id }
        case 'refused':
          return { refused: true }
        case 'finish':
          return operation === undefined ? {} : { finish: { operation } }
        case 'finished':
          return state === undefined ? {} : { finish: { operation: operationOf[state], id } }
        case 'requeue':
          return { finish: { operation: 'requeue' } }
        case 'requeued':
          return { finish: { operation: 'requeue', id } }
        default: // It may go now.
          return { id: undefined, finish: undefined }
      }
    }
  }
  return [...items.values()]
}
