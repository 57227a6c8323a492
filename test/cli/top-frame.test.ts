import t from 'tap'
import { stripVTControlCharacters } from 'node:util'
import { widthOf } from '../../lib/cli/columns.js'
import { type FrameStyle, topFrame } from '../../lib/cli/top-frame.js'
import { firstView, type TopData, type TopView } from '../../lib/cli/top-view.js'
import { topData } from '../helpers/top-data.js'

const style: FrameStyle = { columns: 80, rows: 24, colour: false, utc: true }
const keys = 'q quit  ? help  tab other list  up/down move  r requeue  d down  u up'

t.test('a frame of 80 columns and 24 rows', async (t) => {
  const frame = topFrame(topData({ queues: 3, failures: 2 }), { ...firstView, queue: 'q1' }, style)
  t.strictSame(frame, [
    'fsq top  /var/fsq  2026-11-21T10:15:00Z',
    '  QUEUE  WAITING  OLDEST  DELAYED  WORKERS  DONE  /MIN  FAIL  /MIN  STATE',
    '  q0           0      1m        0        0  1000     0     2     0  up',
    '> q1           1      1m        0        0  1000     0     2     0  down',
    '  q2           2      1m        0        0  1000     0     2     0  up',
    '',
    'LAST FAILURES',
    '  2026-11-21T10:15:00Z  q0  alice 0: line 29',
    '  2026-11-21T10:15:00Z  q1  alice 1: line 29',
    '',
    'OUTPUT of _0',
    ...[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29].map((line) => `  line ${line}`),
    keys,
  ])
})

/** Names and output that try everything. */
function hostile(): TopData {
  const data = topData({ queues: 2, failures: 2 })
  const evil = '\x1b[2J\x1b]0;title\x07\r\n\x9b31m\u202eabc\u2066'
  return {
    ...data,
    root: `/${evil}`,
    stats: data.stats.map((stat) => ({ ...stat, queue: evil })),
    failures: data.failures.map((each) => ({
      ...each,
      queue: evil,
      id: evil,
      arguments: [evil, '日本語'.repeat(20)],
      output: Buffer.concat([
        Buffer.from(`${evil}\n\x1b[31mred\x1b[0m\n`),
        Buffer.from([0xff, 0x9b]),
      ]),
    })),
    errors: [`no such queue: ${evil}`],
  }
}

const views: readonly TopView[] = [
  firstView,
  { pane: 'failures', failure: 'q20/_20' },
  { pane: 'queues', queue: 'q29' },
  { ...firstView, help: true },
  { ...firstView, message: 'no such item: \x1b[2J\n' },
  { ...firstView, asking: { act: 'requeue', queue: '\x1b[2J', id: '\n\u202e' } },
]
const heights = [0, 1, 2, 3, 5, 10, 24, 200]
const widths = [0, 1, 2, 20, 79, 300]

t.test('a frame is never larger than the screen, whatever it shows', async (t) => {
  let frames = 0
  for (const data of [topData({ queues: 30, failures: 25 }), topData({ queues: 0 }), hostile()])
    for (const view of views)
      for (const columns of widths)
        for (const rows of heights)
          for (const colour of [false, true]) {
            const frame = topFrame(data, view, { columns, rows, colour })
            const where = `${columns} x ${rows}, ${JSON.stringify(view)}`
            if (frame.length > rows) t.fail(`too many lines: ${where}`)
            for (const line of frame) {
              const plain = colour ? line.replace(/\x1b\[\d+m/g, '') : line
              if (/[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/.test(plain))
                t.fail(`something steers the terminal: ${where} ${JSON.stringify(line)}`)
              if (widthOf(plain) > columns) t.fail(`too wide: ${where} ${line}`)
            }
            frames++
          }
  t.equal(frames, 3 * views.length * widths.length * heights.length * 2)
})

t.test('the chosen is always to be seen', async (t) => {
  const data = topData({ queues: 100, failures: 50 })
  for (const rows of [6, 10, 24, 40])
    for (const at of [0, 1, 49, 50, 98, 99]) {
      const frame = topFrame(data, { ...firstView, queue: `q${at}` }, { ...style, rows })
      t.ok(
        frame.some((line) => line.startsWith(`> q${at} `)),
        `queue ${at} in ${rows} rows`,
      )
    }
  const view = { pane: 'failures', failure: 'q30/_30' } as const
  t.ok(topFrame(data, view, style).some((line) => /^> .* q30 {2}alice 30: line 29$/.test(line)))
})

t.test('colours change nothing but colours', async (t) => {
  const data = topData({ queues: 3, failures: 3 })
  for (const view of views) {
    const plain = topFrame(data, view, style)
    const coloured = topFrame(data, view, { ...style, colour: true })
    t.notMatch(plain.join(''), /\x1b/)
    t.match(coloured.join(''), /\x1b\[1m/)
    t.strictSame(coloured.map(stripVTControlCharacters), plain)
  }
})

t.test('on paper everything is there once, and no keys', async (t) => {
  const data = topData({ queues: 30, failures: 25 })
  const frame = topFrame(data, firstView, { ...style, columns: Infinity, rows: Infinity })
  t.equal(frame.length, 1 + 31 + 2 + 25)
  t.notMatch(frame.join('\n'), /^>|quit/m)
})
