import type { Ledger, LedgerItem } from '../crash/oracle.js'

/*
 * What the programs under test write to `marks`, a line of JSON each: they tell what they are about
 * to do, and what was acknowledged, at that very moment.
 */

/** One line. Items go by the SHA-256 of their bodies. */
export type Mark =
  | { readonly event: 'begin' }
  | { readonly event: 'enqueued'; readonly sha256: string; readonly id: string }
  | { readonly event: 'refused'; readonly sha256: string }
  | {
      readonly event: 'finishing'
      readonly sha256: string
      readonly operation: 'done' | 'fail' | 'retry'
    }
  | { readonly event: 'finished'; readonly sha256: string; readonly id: string }

export function parseMarks(texts: readonly string[]): Mark[] {
  const lines = texts.join('').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Mark)
}

/** What is known of the items at a cut that comes after these marks. */
export function itemsAt(marks: readonly Mark[], all: ReadonlySet<string>): Ledger['items'] {
  const items = new Map<string, LedgerItem>([...all].map((sha256) => [sha256, { sha256 }]))
  for (const mark of marks) {
    if (mark.event === 'begin') continue
    const item = items.get(mark.sha256) ?? { sha256: mark.sha256 }
    items.set(mark.sha256, withMark(item, mark))
  }
  return [...items.values()]
}

/** Every item that is ever mentioned. */
export function itemsOf(marks: readonly Mark[]): ReadonlySet<string> {
  return new Set(marks.flatMap((mark) => ('sha256' in mark ? [mark.sha256] : [])))
}

function withMark(item: LedgerItem, mark: Exclude<Mark, { event: 'begin' }>): LedgerItem {
  switch (mark.event) {
    case 'enqueued':
      return { ...item, id: mark.id }
    case 'refused':
      return { ...item, refused: true }
    case 'finishing':
      return { ...item, finish: { operation: mark.operation } }
    case 'finished': {
      if (item.finish === undefined) throw new Error(`${mark.id} ended before it began`)
      return { ...item, finish: { ...item.finish, id: mark.id } }
    }
  }
}
