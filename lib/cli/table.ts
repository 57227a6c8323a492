import Table from 'cli-table3'
import ms from 'ms'
import type { ListedItem } from '../upkeep/list-items.js'
import { harmless } from './output.js'

const none = { mid: '', left: '', right: '', middle: ' ' }

/** The items as a table for people. */
export function table(items: Iterable<ListedItem>, now = Date.now()): string {
  const rows = [...items].map((item) => row(item, now))
  if (rows.length === 0) return ''
  const grid = new Table({
    head: ['STATE', 'AGE', 'TRIES', 'SIZE', 'LOCKED', 'ARGUMENTS', 'NAME'],
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left', 'left'],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      'left-mid': '',
      'mid-mid': '',
      'right-mid': '',
      ...none,
    },
  })
  grid.push(...rows)
  return `${grid.toString().replace(/ +$/gm, '')}\n`
}

function row({ state, name, size, locked, id }: ListedItem, now: number): string[] {
  return [
    state,
    name === undefined ? '-' : ms(Math.max(0, now - name.enqueuedAt.getTime())),
    name === undefined ? '-' : String(name.tries),
    String(size),
    locked ? 'yes' : 'no',
    name === undefined ? '(malformed)' : name.arguments.map(quoted).join(' '),
    harmless(id),
  ]
}

/** An argument as it is, or as JSON where that would be unclear. */
function quoted(argument: string): string {
  return /^[\p{L}\p{N}%+,./:=@_-]+$/u.test(argument) ? argument : harmless(JSON.stringify(argument))
}
