import ms from 'ms'
import { groupName, userName } from '../../posix/owner.js'
import { queueAt } from '../../root/queue-at.js'
import { itemStates, type ItemState } from '../../upkeep/list-items.js'
import { readShown, showItem, type ShownItem } from '../../upkeep/show-item.js'
import { defineCommand } from '../command.js'
import { itemJson } from '../item-json.js'
import { harmless, jsonLine, print } from '../output.js'
import { quoted } from '../quoted.js'
import { formatTime, type TimeFormat, withTimes } from '../times.js'
import { UsageError } from '../usage-error.js'
import { oneOf } from '../values.js'

interface Flags {
  readonly state?: ItemState
  readonly body?: true
  readonly json?: true
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: 'queue item',
  atLeast: 2,
  atMost: 2,
  flagsAnywhere: true,
  itemStates: ({ state }) => (state === undefined ? itemStates : [state]),
  flags: (command) =>
    command
      .option(
        '-s, --state <state>',
        `the directory that it is in: ${itemStates.join(', ')}`,
        oneOf(itemStates),
      )
      .option('--body', 'print the body, byte for byte, and nothing else')
      .option('--json', 'a JSON object')
      .option('--utc', 'times in UTC'),
  async run({ operands, flags, root }) {
    const [name = '', id = ''] = operands
    const { state, body, json } = flags
    if (body === true && json === true) throw new UsageError('--body and --json exclude each other')
    const states = state === undefined ? undefined : [state]
    const item = await showItem(queueAt(root(), name), id, { states })
    if (body === true) for await (const piece of readShown(item)) await print(piece)
    else {
      const pieces: Buffer[] = []
      for await (const piece of readShown(item, 'output')) pieces.push(Buffer.from(piece))
      const output = item.output === undefined ? undefined : Buffer.concat(pieces).toString()
      await print(json === true ? jsonLine(jsonOf(item, output, flags)) : text(item, output, flags))
    }
    return 0
  },
})

/** As `fsq ls --json` has it, and more. */
function jsonOf(item: ShownItem, output: string | undefined, format: TimeFormat): object {
  const { uid, gid, lockedBy } = item
  const more = { path: printable(item), mode: octal(item.mode), uid, gid, lockedBy, output }
  return withTimes({ ...itemJson(item), ...more }, format)
}

function text(item: ShownItem, output: string | undefined, format: TimeFormat): string {
  const { name } = item
  const since = (time: Date): string => {
    const age = Date.now() - time.getTime()
    return `${formatTime(time, format)} (${age < 0 ? `in ${ms(-age)}` : `${ms(age)} ago`})`
  }
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['queue', item.queue],
    ['item', item.id],
    ['state', item.state],
    ['arguments', name === undefined ? '(malformed)' : name.arguments.map(quoted).join(' ')],
    ['enqueued', name && since(name.enqueuedAt)],
    ['by', name && `process ${name.pid} on ${name.hostname}, entropy ${name.entropy}`],
    ['tries', name && String(name.tries)],
    ['modified', since(item.modifiedAt)],
    ['not before', item.notBefore && since(item.notBefore)],
    ['size', `${item.size}`],
    ['owner', `${userName(item.uid)}:${groupName(item.gid)}`],
    ['mode', octal(item.mode)],
    ['locked', locked(item)],
    ['path', printable(item)],
  ]
  const lines = rows.flatMap(([label, value]) =>
    value === undefined ? [] : [`${label.padEnd(12)}${harmless(value)}`.trimEnd()],
  )
  if (output !== undefined) lines.push('output', ...indented(output))
  return `${lines.join('\n')}\n`
}

function locked({ locked, lockedBy }: ShownItem): string {
  if (!locked) return 'no'
  return lockedBy === undefined ? 'yes' : `by process ${lockedBy}`
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** The path, with \xNN for bytes that are no text. */
function printable({ path, id }: Pick<ShownItem, 'path' | 'id'>): string {
  const text = path.toString()
  return text.slice(0, text.lastIndexOf('/') + 1) + id
}

/** What a program wrote, with nothing in it that could steer a terminal. */
function indented(output: string): string[] {
  const lines = output.replace(/\n$/, '').split('\n')
  return lines.map((line) => `    ${line.split('\t').map(harmless).join('\t')}`.trimEnd())
}
