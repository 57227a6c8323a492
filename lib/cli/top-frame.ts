import { stripVTControlCharacters } from 'node:util'
import picocolors from 'picocolors'
import type { LastFailure } from '../upkeep/last-failures.js'
import type { QueueStat } from '../upkeep/stat-queue.js'
import { clip, tableLines } from './columns.js'
import { plainText } from './output.js'
import { age } from './stat-text.js'
import { formatTime } from './times.js'
import { chosen, type TopAction, type TopData, type TopView } from './top-view.js'

/** How a frame is drawn. */
export interface FrameStyle {
  /** Its width; Infinity where lines may have any. */
  readonly columns: number
  /** Its height; Infinity where all is shown, as it is on paper: without a choice, without keys. */
  readonly rows: number
  /** With escape sequences that set colours. */
  readonly colour: boolean
  readonly utc?: boolean | undefined
}

type Paint = (text: string) => string

/** The lines of a frame, none of them wider than its columns. */
export function topFrame(data: TopData, view: TopView, style: FrameStyle): string[] {
  const { columns, rows } = style
  const colours = picocolors.createColors(style.colour)
  const onPaper = rows === Infinity
  const cut = (text: string, paint: Paint = String): string => paint(clip(text, columns))
  const title = cut(`fsq top  ${plainText(data.root)}  ${formatTime(data.at, style)}`, colours.bold)
  if (rows < 2) return [title].slice(0, Math.max(0, rows))
  const foot = onPaper ? [] : [cut(footer(view), view.asking ? colours.yellow : colours.dim)]
  if (view.help === true) return [title, ...help.map((line) => cut(line))].slice(0, rows)
  const errors = data.errors.map((error) => cut(plainText(error), colours.red))
  const { at, failure } = chosen(data, view)
  const room = Math.max(0, rows - 1 - errors.length - foot.length)

  const mark = (pane: TopView['pane'], index: number): string =>
    onPaper ? '' : view.pane === pane && at[pane] === index ? '> ' : '  '
  const [head = '', ...queueRows] = queueTable(data.stats)
  const queueLines = queueRows.map((line, index) => {
    const paint = data.stats[index]?.down === true ? colours.yellow : String
    return cut(mark('queues', index) + line, paint)
  })
  const failureLines = data.failures.map((each, index) =>
    cut(mark('failures', index) + failureLine(each, style)),
  )
  const output = onPaper ? [] : outputLines(failure)

  // A third for the failures and a third for what the chosen one wrote, and for that what is left too;
  // each of the two has an empty line and a heading, and the queues have a heading and one row at least.
  const headings = [failureLines, output].filter((lines) => lines.length > 0).length * 2
  const third = Math.max(0, Math.floor((room - 1 - headings) / 3))
  const forFailures = Math.min(failureLines.length, onPaper ? Infinity : third)
  const left = room - 1 - headings - forFailures - queueLines.length
  const forOutput = Math.min(output.length, onPaper ? 0 : Math.max(third, left))
  const sections = [forFailures, forOutput].filter((lines) => lines > 0)
  const forQueues = room - 1 - sections.reduce((sum, lines) => sum + 2 + lines, 0)

  const heading = (text: string): string[] => ['', cut(text, colours.bold)]
  const body = [
    ...(data.stats.length === 0
      ? [cut('no queues')]
      : [
          cut(onPaper ? head : `  ${head}`, colours.bold),
          ...part(queueLines, at.queues, forQueues),
        ]),
    ...(forFailures === 0
      ? []
      : [...heading('LAST FAILURES'), ...part(failureLines, at.failures, forFailures)]),
    ...(forOutput === 0
      ? []
      : [
          ...heading(`OUTPUT of ${plainText(failure?.id ?? '')}`),
          ...output.slice(-forOutput).map((line) => cut(`  ${line}`, colours.dim)),
        ]),
  ].slice(0, room)
  const filled = onPaper ? body : [...body, ...Array<string>(room - body.length).fill('')]
  return [title, ...errors, ...filled, ...foot].slice(0, rows)
}

/** So many lines, with the chosen one among them. */
function part(lines: readonly string[], at: number, room: number): readonly string[] {
  if (lines.length <= room) return lines
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), lines.length - room))
  return lines.slice(from, from + room)
}

const queueColumns = [
  { heading: 'QUEUE' },
  ...['WAITING', 'OLDEST', 'DELAYED', 'WORKERS', 'DONE', '/MIN', 'FAIL', '/MIN'].map((heading) => ({
    heading,
    right: true,
  })),
  { heading: 'STATE' },
]

/** A long name is cut, so that the figures beside it are seen at 80 columns. */
const widestName = 24

function queueTable(stats: readonly QueueStat[]): string[] {
  const rows = stats.map(
    ({ queue, waiting, oldestAge, delayed, locked, items, perMinute, down }) => [
      clip(plainText(queue), widestName),
      String(waiting),
      oldestAge === undefined ? '-' : age(oldestAge),
      ...[delayed, locked.length, items.done, perMinute.done, items.fail, perMinute.fail].map(
        String,
      ),
      down ? 'down' : 'up',
    ],
  )
  return [...tableLines(queueColumns, () => rows)]
}

/** When, where, what, and the last line that its program wrote. */
function failureLine(failure: LastFailure, { utc }: FrameStyle): string {
  const { queue, id, failedAt } = failure
  const what = failure.arguments?.join(' ') ?? id
  const last = outputLines(failure).at(-1)
  const where = `${formatTime(failedAt, { utc })}  ${clip(plainText(queue), widestName)}`
  return `${where}  ${plainText(what)}${last === undefined ? '' : `: ${last.trimStart()}`}`
}

/** The lines of what a program wrote, without what steers a terminal; its colours are left out. */
function outputLines(failure: LastFailure | undefined): string[] {
  const text = stripVTControlCharacters(failure?.output?.toString() ?? '')
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => plainText(line.replaceAll('\t', '  ')).trimEnd())
  return lines.filter((line) => line !== '')
}

function footer({ asking, message }: TopView): string {
  if (asking !== undefined) return `${question(asking)} (y for yes)`
  return message === undefined ? keys : plainText(message)
}

function question(action: TopAction): string {
  switch (action.act) {
    case 'requeue':
      return `put ${plainText(action.id)} back into ${plainText(action.queue)}?`
    case 'down':
      return `take ${plainText(action.queue)} down?`
    default:
      return `${action.act}?`
  }
}

const keys = 'q quit  ? help  tab other list  up/down move  r requeue  d down  u up'

const help = [
  '',
  'tab                 go to the other list',
  'up, down, k, j      move',
  'pageup, pagedown    move by ten',
  'home, end           go to the first, the last',
  'r                   put the chosen failure back into its queue; asks',
  'd                   take the chosen queue down; asks',
  'u                   bring the chosen queue up',
  '? or h              this help; any key leaves it',
  'q, Ctrl-C           quit',
  '',
  'WAITING could be worked on, OLDEST for how long the first has waited, DELAYED not yet,',
  'WORKERS are working on one each, /MIN came in the last minute.',
]
