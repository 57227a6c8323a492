// What fsq is meant to reach, as ratios within one run.
import { sequential } from './cases/enqueue.mjs'
import { jetstreamRates } from './cases/jetstream.mjs'
import { aPass } from './cases/plan.mjs'
import { numberText, table } from './report.mjs'
import { ratios, series } from './rounds.mjs'
import { median } from './statistics.mjs'

const exec = 'a program for each item: fsq scan q /bin/true'

const finishedAtNone = 'durability enqueue and none: claim and done, level none'

const floorOf = (id, metric) => ({ id, variant: 'floor', metric })

/** Each: of which case, beside what, and at least or at most which ratio; or which figure itself. */
export function targets({ big: [size], rivals }) {
  const large = (work) => `a queue of a million: ${work} in a queue of ${size}`
  const own = (id, least) => ({ id, beside: floorOf(id), least })
  return [
    own(sequential, 0.9),
    ...['', ', UV_THREADPOOL_SIZE=16'].map((threads) => ({
      id: `durable enqueue: 1 KiB, 64 in flight${threads}`,
      beside: floorOf(sequential),
      least: 3,
    })),
    own('durable batch: batches of 500', 0.7),
    { id: 'durable batch: batches of 500', beside: floorOf(sequential), least: 5 },
    own('durability enqueue and none: enqueue 1 KiB, level none', 0.7),
    ...['claim and done, durable: one worker', finishedAtNone].flatMap((id) => [
      own(id, 0.7),
      { id, beside: { id, variant: 'Python fsq' }, least: 1 },
    ]),
    own(large('enqueue, durable,'), 0.7),
    own(large('claim and done, durable,'), 0.7),
    own(large('enqueue, level none,'), 0.7),
    own(large('claim and done, level none,'), 0.7),
    { id: `scan: ${size} items`, metric: 'first', most: 4000, unit: 'ms to the first item' },
    { id: `scan: ${size} items`, metric: 'memory', most: 400, unit: 'MiB' },
    {
      id: `scan: ${size} items, limit 100`,
      metric: 'memory',
      beside: { id: `scan: ${size} items`, variant: 'fsq', metric: 'memory' },
      most: 0.5,
    },
    ...['trigger FIFO', 'inotify on queue/'].map((wake) => ({
      id: `latency: ${wake}`,
      metric: 'half',
      most: 2,
      unit: 'ms from acknowledgement to handler',
    })),
    {
      id: 'start-up: fsq enqueue -e',
      metric: 'time',
      beside: floorOf('start-up: fsq enqueue -e', 'time'),
      most: 1.3,
    },
    { id: exec, beside: { id: exec, variant: 'Python fsq' }, least: 1 },
    { id: aPass, metric: 'time', most: 100, unit: 'ms a pass' },
    ...jetstreamRates.map((id) => ({ id, beside: { id, variant: 'engine' }, least: 0.7 })),
    ...rivals.flatMap((group) => ahead(group)),
  ]
}

/** fsq is to be ahead of every rival on the same promise. */
function ahead(group) {
  return group.cases.flatMap((each) => {
    const id = `${group.name}: ${each.name}`
    const others = Object.keys(each.variants).filter((variant) => variant !== 'fsq')
    return others.map((variant) => ({ id, beside: { id, variant }, least: 1 }))
  })
}

/** A row for each target of which there are figures: the median of the ratios, and whether it does. */
export function targetText(all, figures) {
  const rows = all.flatMap((target) => {
    const { id, metric = 'rate', beside, least, most, unit } = target
    const numbers = series(figures, id, 'fsq', metric)
    const measured =
      beside === undefined
        ? numbers
        : ratios(numbers, series(figures, beside.id, beside.variant, beside.metric ?? metric))
    if (measured === undefined) return []
    const value = median(measured)
    const met = least === undefined ? value <= most : value >= least
    const other = beside === undefined ? unit : besideText(id, beside)
    const bound = least === undefined ? `at most ${most}` : `at least ${least}`
    return [[id, other, bound, numberText(value), met ? 'yes' : 'NO']]
  })
  if (rows.length === 0) return ''
  return `## Targets\n\n${table([['case', 'beside', 'target', 'median', 'met'], ...rows])}`
}

function besideText(id, beside) {
  return beside.id === id ? `its ${beside.variant}` : `${beside.variant} of ${beside.id}`
}
