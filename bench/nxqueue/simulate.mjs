// A day of a tape archive: `npm run sim:nxqueue [-- flags]`. Prints the tables of docs/nxqueue.md, which a test
// compares with these.
import { parseArgs } from 'node:util'
import { day, defaults, makeArchive } from './archive.mjs'
import { schedulers } from './schedulers.mjs'
import { simulate } from './simulation.mjs'

const numbers = Object.entries(defaults)
const usage = `node bench/nxqueue/simulate.mjs [flags]

${numbers.map(([name, value]) => `--${name} NUMBER`.padEnd(20) + `(${value})`).join('\n')}
--cost              tell what the passes cost on this machine, too`

let options
try {
  options = readOptions()
} catch (error) {
  console.error(`${error.message}\n\n${usage}`)
  process.exit(2)
}
if (options.help) console.log(usage)
else print()

function readOptions() {
  const asked = numbers.map(([name, value]) => [name, { type: 'string', default: `${value}` }])
  const flags = { cost: { type: 'boolean' }, help: { type: 'boolean' } }
  const { values } = parseArgs({ options: { ...Object.fromEntries(asked), ...flags } })
  for (const [name] of numbers) {
    if (!/^[1-9]\d{0,5}$/.test(values[name]))
      throw new Error(`--${name}: not a number: ${values[name]}`)
    values[name] = Number(values[name])
  }
  return values
}

function print() {
  const runs = Object.entries(schedulers).map(([name, schedule]) => {
    return { name, ...simulate(makeArchive(options), schedule, options) }
  })
  console.log(`${table(['', ...runs.map(({ name }) => name)], sums(runs))}\n\n${waits(runs)}`)
  if (options.cost) console.log(`\n${costs(runs)}`)
}

/** A row for each figure, a column for each scheduler. */
function sums(runs) {
  const midnight = options.days * day
  const inUse = ({ inUse }) => inUse / (options.drives * midnight)
  const ended = ({ results }) => [...results.values()].filter(({ ended }) => ended < midnight)
  const last = ({ results }) => Math.max(...[...results.values()].map(({ ended }) => ended ?? 0))
  const rows = [
    ['jobs submitted', ({ results }) => whole(results.size)],
    ['ended by midnight', (run) => whole(ended(run).length)],
    ['never launched', ({ left }) => whole(left)],
    ['time that drives were in use', (run) => percent(inUse(run))],
    ['time that drives moved data', (run) => percent(inUse({ inUse: run.moving }))],
    ['tapes loaded', ({ mounts }) => whole(mounts)],
    ['tapes added', ({ added }) => whole(added)],
    ['most jobs that waited at a time', ({ mostWaiting }) => whole(mostWaiting)],
    ['the last job ended after', (run) => duration(last(run))],
    ['passes', ({ passes }) => whole(passes)],
  ]
  return rows.map(([name, of]) => [name, ...runs.map(of)])
}

/** How long jobs waited until they were launched: median, 95th percentile, and longest. */
function waits(runs) {
  const whats = [...new Set([...runs[0].results.values()].map(({ job }) => job.what))].sort()
  const rows = whats.flatMap((what) => {
    const all = runs.map(({ results }) => waitsOf([...results.values()], what))
    const row = (name, of) => [`${what}: ${name}`, ...all.map((each) => duration(of(each)))]
    return [
      row('median', (each) => each[Math.floor(each.length * 0.5)]),
      row('p95', (each) => each[Math.floor(each.length * 0.95)]),
      row('longest', (each) => each.at(-1)),
    ]
  })
  return table(['waited until launched', ...runs.map(({ name }) => name)], rows)
}

function waitsOf(results, what) {
  const those = results.filter(({ job, launched }) => job.what === what && launched !== undefined)
  return those.map(({ job, launched }) => launched - job.date).sort((a, b) => a - b)
}

function costs(runs) {
  const rows = runs.map(({ name, passes, cost }) => {
    return [name, `${(cost / passes).toFixed(2)} ms`, `${(cost / 1000).toFixed(1)} s`]
  })
  return table(['on this machine', 'a pass', 'all passes'], rows)
}

function table(heading, rows) {
  const lines = [heading, ['---', ...heading.slice(1).map(() => '---:')], ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function whole(number) {
  return Math.round(number).toLocaleString('en')
}

function percent(part) {
  return `${Math.round(part * 100)} %`
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
