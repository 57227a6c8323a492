import columnify from 'columnify'
import ms from 'ms'
import type { ListedItem } from '../upkeep/list-items.js'
import { harmless } from './output.js'

const right = { align: 'right' } as const

/** The items as a table for people. */
export function table(items: Iterable<ListedItem>, now = Date.now()): string {
  const rows = [...items].map((item) => row(item, now))
  if (rows.length === 0) return ''
  const text = columnify(rows, {
    columnSplitter: '  ',
    config: { AGE: right, TRIES: right, SIZE: right },
  })
  return text.replace(/[^\S\n]+$/gm, '') + '\n'
}

function row({ state, name, size, locked, id }: ListedItem, now: number): Record<string, string> {
  return {
    STATE: state,
    AGE: name === undefined ? '-' : ms(Math.max(0, now - name.enqueuedAt.getTime())),
    TRIES: name === undefined ? '-' : String(name.tries),
    SIZE: String(size),
    LOCKED: locked ? 'yes' : 'no',
    ARGUMENTS: name === undefined ? '(malformed)' : name.arguments.map(quoted).join(' '),
    NAME: harmless(id),
  }
}

/** An argument as it is, or as JSON where that would be unclear. */
function quoted(argument: string): string {
  return /^[\p{L}\p{N}%+,./:=@_-]+$/u.test(argument) ? argument : harmless(JSON.stringify(argument))
}
