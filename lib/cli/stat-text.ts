import ms from 'ms'
import { ageLimits, type QueueStat } from '../upkeep/stat-queue.js'
import { tableLines } from './columns.js'
import { harmless } from './output.js'

const columns = [
  { heading: 'QUEUE' },
  ...['WAITING', 'OLDEST', 'DELAYED', 'LOCKED', 'DONE', '/MIN', 'FAIL', '/MIN', 'TMP'].map(
    (heading) => ({ heading, right: true }),
  ),
  { heading: 'STATE' },
]

/** A row for each queue. */
export function statTable(stats: readonly QueueStat[]): string[] {
  const rows = stats.map(
    ({ queue, waiting, oldestAge, delayed, locked, items, perMinute, down }) => [
      harmless(queue),
      String(waiting),
      oldestAge === undefined ? '-' : age(oldestAge),
      ...[
        delayed,
        locked.length,
        items.done,
        perMinute.done,
        items.fail,
        perMinute.fail,
        items.tmp,
      ].map(String),
      down ? 'down' : 'up',
    ],
  )
  return [...tableLines(columns, () => rows)]
}

/** Seconds as a short text, such as `3h`. */
export function age(seconds: number): string {
  return seconds < 1 ? '0s' : ms(Math.floor(seconds) * 1000)
}

const ageColumns = [
  { heading: '', right: true },
  ...['T', ...ageLimits.map((limit) => String(limit / 60)), `${(ageLimits.at(-1) ?? 0) / 60}+`].map(
    (heading) => ({ heading, right: true }),
  ),
]

/** How many wait for how many minutes, as qshape(1) of Postfix prints it: a row for each queue. */
export function agesTable(stats: readonly QueueStat[]): string[] {
  const total = ageLimits.concat(0).map((_, at) => sum(stats.map(({ ages }) => ages[at] ?? 0)))
  const row = (name: string, ages: readonly number[]): string[] => {
    return [name, String(sum(ages)), ...ages.map(String)]
  }
  const rows = [row('TOTAL', total), ...stats.map(({ queue, ages }) => row(harmless(queue), ages))]
  return stats.length === 0 ? [] : [...tableLines(ageColumns, () => rows)]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

/** All that there is to tell of each queue. */
export function statDetails(stats: readonly QueueStat[]): string[] {
  return stats.flatMap((stat, at) => [...(at === 0 ? [] : ['']), ...details(stat)])
}

function details(stat: QueueStat): string[] {
  const { queue, items, waiting, oldestAge, delayed, malformed, locked, perMinute } = stat
  const parts = [
    `${waiting} waiting${oldestAge === undefined ? '' : `, the oldest for ${age(oldestAge)}`}`,
    `${locked.length} locked`,
    ...(delayed > 0 ? [`${delayed} delayed`] : []),
    ...(malformed > 0 ? [`${malformed} malformed`] : []),
  ]
  const tries = Object.entries(stat.tries)
    .sort(([a], [b]) => parseInt(a, 10) - parseInt(b, 10))
    .map(([tried, count]) => `${count} tried ${tried} times`)
  const rows = [
    ['queue', items.queue, parts.join(', ')],
    ['done', items.done, `${perMinute.done} in the last minute`],
    ['fail', items.fail, `${perMinute.fail} in the last minute`],
    ['tmp', items.tmp, ''],
  ] as const
  const width = Math.max(...rows.map(([, count]) => String(count).length))
  return [
    `${harmless(queue)}: ${stat.down ? 'down' : 'up'}${triggerText(stat)}`,
    ...rows.map(([state, count, text]) => {
      return `  ${state.padEnd(6)} ${String(count).padStart(width)}  ${text}`.trimEnd()
    }),
    ...(tries.length === 0 ? [] : [`  tries  ${tries.join(', ')}`]),
    ...locked.map(({ id, pid }) => `  locked ${harmless(id)} by process ${pid}`),
  ]
}

function triggerText({ trigger, listeners }: QueueStat): string {
  if (!trigger) return ', no trigger'
  if (listeners.length === 0) return ', a trigger to which nobody seems to listen'
  return `, a trigger to which ${listeners.map((pid) => `process ${pid}`).join(', ')} listens`
}
