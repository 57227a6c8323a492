import ms from 'ms'
import type { ListedItem } from '../upkeep/list-items.js'
import { tableLines } from './columns.js'
import { harmless } from './output.js'
import { quoted } from './quoted.js'
import { formatTime, type TimeFormat } from './times.js'

const columns = [
  { heading: 'STATE' },
  { heading: 'AGE', right: true },
  { heading: 'ENQUEUED' },
  { heading: 'TRIES', right: true },
  { heading: 'SIZE', right: true },
  { heading: 'LOCKED' },
  { heading: 'NOT-BEFORE' },
  { heading: 'ARGUMENTS' },
  { heading: 'NAME' },
]

/** The lines of a table of items, for people; the items are asked for twice. */
export function itemTable(
  items: () => Iterable<ListedItem>,
  format: TimeFormat,
  now = Date.now(),
): Iterable<string> {
  return tableLines(columns, function* () {
    for (const item of items()) yield row(item, format, now)
  })
}

function row(item: ListedItem, format: TimeFormat, now: number): string[] {
  const { state, name, size, locked, id, notBefore } = item
  return [
    state,
    name === undefined ? '-' : ms(Math.max(0, now - name.enqueuedAt.getTime())),
    name === undefined ? '-' : formatTime(name.enqueuedAt, format),
    name === undefined ? '-' : String(name.tries),
    String(size),
    locked ? 'yes' : 'no',
    notBefore === undefined ? '-' : formatTime(notBefore, format),
    name === undefined ? '(malformed)' : name.arguments.map(quoted).join(' '),
    harmless(id),
  ]
}
