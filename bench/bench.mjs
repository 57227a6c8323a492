// The benchmark: `npm run bench [-- flags]`; --help names the flags, README.md tells what is measured.
import writeFileAtomic from 'write-file-atomic'
import { callsText } from './calls.mjs'
import { batchCases } from './cases/batch.mjs'
import { durabilityCases } from './cases/durability.mjs'
import { enqueueCases } from './cases/enqueue.mjs'
import { execCases } from './cases/exec.mjs'
import { filespoolerCases } from './cases/filespooler.mjs'
import { finishCases } from './cases/finish.mjs'
import { largeQueueCases } from './cases/large-queue.mjs'
import { ftpclusterCases } from './cases/ftpcluster.mjs'
import { jetstreamCases } from './cases/jetstream.mjs'
import { latencyCases } from './cases/latency.mjs'
import { neighbourCases } from './cases/neighbour.mjs'
import { planCases } from './cases/plan.mjs'
import { pushCases } from './cases/push.mjs'
import { rivalGroups } from './cases/rivals.mjs'
import { scanCases } from './cases/scan.mjs'
import { startUpCases } from './cases/start-up.mjs'
import { findFeatures } from './features.mjs'
import { buildFloor } from './floor.mjs'
import { describeMachine, room, timeToMakeFile } from './machine.mjs'
import { readOptions, UsageError, usage } from './options.mjs'
import { filledQueue, makePlace } from './place.mjs'
import { groupText, idOf, machineText, numberText, rivalText } from './report.mjs'
import { findPython } from './rivals/python-fsq.mjs'
import { runRounds } from './rounds.mjs'
import { targets, targetText } from './targets.mjs'

const makers = [
  enqueueCases,
  batchCases,
  durabilityCases,
  finishCases,
  scanCases,
  largeQueueCases,
  latencyCases,
  execCases,
  pushCases,
  jetstreamCases,
  ftpclusterCases,
  filespoolerCases,
  planCases,
  startUpCases,
  neighbourCases,
]

let options
try {
  options = readOptions()
  if (options.help) console.log(usage)
  else await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`bench: ${error.message}`)
  process.exitCode = 2
}

async function main() {
  forgetSettings()
  const place = makePlace(options.dir, options)
  const making = timeToMakeFile(place.path)
  process.once('SIGINT', () => {
    place.remove()
    process.exit(130)
  })
  try {
    const floor = options.list ? {} : buildFloor(place.path)
    await run({
      place,
      floor,
      features: await findFeatures(place),
      ...sizes(),
      ...queues(place),
      making,
    })
  } finally {
    place.remove()
  }
}

/** What is measured does not depend on the settings of who measures. */
function forgetSettings() {
  const names = Object.keys(process.env)
  for (const name of names.filter((name) => /^FSQ_(?!REFERENCE|BENCH|NATIVE)/.test(name))) {
    Reflect.deleteProperty(process.env, name)
  }
}

/** How much each case does. */
function sizes() {
  const { scale, million, dir, rounds } = options
  const enough = room(dir).files > million * 1.1 + 200_000 * scale * rounds
  if (!enough) say(`no room for ${million} files in ${dir}: such queues are left out`)
  return {
    amount: (count) => Math.max(2, Math.round(count * scale)),
    big: million > 0 && enough ? [million] : [],
    reference: process.env.FSQ_REFERENCE || undefined,
    python: pythonIfAny(),
    options,
  }
}

/** A Python that can import the Python fsq. */
function pythonIfAny() {
  try {
    return findPython()
  } catch {
    return undefined
  }
}

/** Queues that are filled once, for cases that leave them nearly as they are. */
function queues(place) {
  const all = new Map()
  return {
    filled(size) {
      if (!all.has(size)) all.set(size, filledQueue(place, size, 0))
      return all.get(size)
    },
  }
}

async function run(bench) {
  if (options.calls) {
    console.log(await callsText(bench))
    return
  }
  const began = performance.now()
  const rivals = options.rivals ? await rivalGroups(bench, wanted) : { groups: [] }
  try {
    const own = makers.map((make) => chosen(make(bench), bench)).filter(hasCases)
    const others = rivals.groups.map((group) => chosen(group, bench)).filter(hasCases)
    const groups = [...own, ...others]
    if (groups.length === 0) throw new UsageError('--only matches no case; --list names them')
    if (options.list) {
      list(groups)
      return
    }
    warnIfSlow(bench.making)
    const figures = await measure(groups)
    const machine = {
      ...describeMachine(options.dir, bench.floor),
      rounds: `${options.rounds}, the items of each case times ${options.scale}`,
      'making an empty file took': `${numberText(bench.making)} µs at the start`,
      took: `${Math.round((performance.now() - began) / 1000)} s`,
    }
    const parts = [
      machineText(machine),
      targetText(targets({ ...bench, rivals: others }), figures),
      ...own.map((group) => groupText(group, figures)),
      ...others.map((group) => rivalText(group, figures)),
    ]
    const text = parts.filter((part) => part !== '').join('\n\n')
    console.log(text)
    await save(text, machine, figures)
    const failed = failures(figures)
    for (const failure of failed) console.error(`failed: ${failure}`)
    if (failed.length > 0) process.exitCode = 1
  } finally {
    await rivals.stop?.()
  }
}

function warnIfSlow(making) {
  if (making > 100) say(`making a file takes ${Math.round(making)} µs now: see README.md, "Before"`)
}

/** All rounds of one phase, then those of the next: see cases/rivals.mjs. */
async function measure(groups) {
  const figures = new Map()
  for (const phase of [0, 1, 2]) {
    const now = groups.map((group) => ({
      ...group,
      cases: group.cases.filter((each) => (each.phase ?? 0) === phase),
    }))
    for (const [id, all] of await runRounds(now, options.rounds, { say })) figures.set(id, all)
  }
  return figures
}

function wanted(group, name) {
  return options.only === undefined || options.only.test(idOf(group, { name }))
}

/** The cases that are asked for, without a floor that there is not. */
function chosen(group, { floor }) {
  const cases = group.cases
    .filter(({ name }) => wanted(group, name))
    .map((each) => (floor.missing === undefined ? each : withoutFloor(each, group)))
  return { ...group, cases }
}

/** `node -e 0` needs no compiler. */
function withoutFloor(each, { name }) {
  if (name === 'start-up') return each
  const variants = Object.entries(each.variants).filter(([variant]) => variant !== 'floor')
  return { ...each, variants: Object.fromEntries(variants) }
}

function hasCases({ cases }) {
  return cases.length > 0
}

function list(groups) {
  for (const group of groups) {
    for (const each of group.cases) {
      console.log(idOf(group, each) + (each.skip === undefined ? '' : ` (skipped: ${each.skip})`))
    }
  }
}

async function save(text, machine, figures) {
  const { out } = options
  if (out === undefined) return
  const raw = Object.fromEntries(
    [...figures].map(([id, variants]) => [
      id,
      Object.fromEntries(
        Object.entries(variants).map(([name, all]) => [
          name,
          all instanceof Error ? all.message : all,
        ]),
      ),
    ]),
  )
  const title =
    '# What the benchmark measured\n\nMade by `npm run bench`; README.md tells how to read it.'
  const json = JSON.stringify({ machine, figures: raw }, rounded)
  await writeFileAtomic(
    out,
    `${title}\n\n${text}\n\n## Raw output\n\n\`\`\`json\n${json}\n\`\`\`\n`,
  )
  say(`written to ${out}`)
}

function rounded(key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}

function failures(figures) {
  return [...figures].flatMap(([id, variants]) =>
    Object.entries(variants)
      .filter(([, all]) => all instanceof Error)
      .map(([variant, error]) => `${id}: ${variant}: ${error.message}`),
  )
}

/** Progress goes to stderr, so that stdout is the report. */
function say(line) {
  console.error(line)
}
