import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { removeSync } from 'fs-extra/esm'
import t, { type Test } from 'tap'
import { openRoot } from '../../lib/root/root.js'
import type { Model, Step } from './disk.js'
import { stepsOf } from './disk.js'
import type { ViolationKind } from './oracle.js'
import type { Durability } from './promises.js'
import { bound } from './sample.js'
import { judgeState, sampleStates, statesOf } from './states.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'
import { scratchDirectory } from './sweep.js'

const skip = cannotTrace()
const models: readonly Model[] = ['ordered', 'weak', 'split']
const directory = scratchDirectory()
t.teardown(() => {
  removeSync(directory)
})

/** Runs a program of this directory on a new queue; what it did. */
async function trace(
  name: string,
  program: string,
  word: string,
  options?: readonly string[],
): Promise<Step[]> {
  const place = `${directory}/${name}`
  mkdirSync(place)
  const queue = await openRoot({ root: `${place}/root` }).install('q')
  const file = fileURLToPath(new URL(program, import.meta.url))
  const command = [process.execPath, file, word, place]
  const { status, stderr } = await startTraced(`${place}/trace`, command, options).ended
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return stepsOf(readTrace(`${place}/trace`), queue.path)
}

/** What is wrong in (some of) the states that a model allows: each kind, with what the oracle says. */
async function judgeStates(
  t: Test,
  steps: readonly Step[],
  model: Model,
  durability: Durability,
  count: number,
): Promise<Partial<Record<ViolationKind, string[]>>> {
  const states = sampleStates(steps, model, count)
  const found: Partial<Record<ViolationKind, string[]>> = {}
  for (const state of states) {
    for (const { kind, detail } of await judgeState(state, durability, `${directory}/state`))
      (found[kind] ??= []).push(detail)
  }
  t.comment(`${model}, ${durability}: ${states.length} states`)
  return found
}

type Synced = Extract<Step, { kind: 'sync' }>['what']

/** What goes wrong without which syncs. */
const leftOut = [
  ['files', 'torn'],
  ['queue', 'lost'],
  ['done', 'back'],
  ['fail', 'back'],
] as const

const full = skip === false ? await trace('full', 'work.mjs', 'full') : []

t.test('what a loss of power leaves of a program', { skip }, async (t) => {
  for (const model of models) {
    const found = await judgeStates(t, full, model, 'full', bound(200))
    t.strictSame(found, {}, `${model}: nothing is lost, torn or back`)
  }
})

for (const durability of ['enqueue', 'none'] as const) {
  t.test(`what a loss of power leaves at the durability ${durability}`, { skip }, async (t) => {
    const steps = await trace(durability, 'work.mjs', durability)
    for (const model of models) {
      const found = await judgeStates(t, steps, model, durability, bound(60))
      t.strictSame(found, {}, `${model}: what is promised is kept`)
    }
  })
}

t.test('what a loss of power leaves where there is no renameat2(2)', { skip }, async (t) => {
  const options = ['-f', '-e', 'inject=renameat2:error=ENOSYS']
  const steps = await trace('linked', 'work.mjs', 'full', options)
  for (const model of ['ordered', 'weak'] as const) {
    const found = await judgeStates(t, steps, model, 'full', bound(60))
    t.strictSame(found, {}, `${model}: nothing is lost, torn or back`)
  }
})

t.test('without a sync something goes wrong that the oracle can name', { skip }, async (t) => {
  // Those in flight may share a sync, and then one more is not missed.
  const alone = full.findIndex((step) => step.kind === 'told' && step.line.includes('several'))
  for (const [at, step] of full.slice(0, alone).entries()) {
    // That of tmp/ is for an ext4 without a journal, which no model here is.
    if (step.kind !== 'sync' || step.what === 'tmp') continue
    const kind = withoutSync(step.what, full[at - 1])
    const mutated = full.filter((_, other) => other !== at)
    for (const model of ['ordered', 'weak'] as const)
      t.ok(await isFound(kind, mutated, model, at), `${model}: ${kind} without sync ${at}`)
  }
})

t.test('without the syncs of a kind something goes wrong', { skip }, async (t) => {
  for (const [what, kind] of leftOut) {
    const mutated = full.filter((step) => step.kind !== 'sync' || !isOf(step.what, what))
    const first = full.findIndex((step) => step.kind === 'sync' && isOf(step.what, what))
    for (const model of ['ordered', 'weak'] as const) {
      const isKind = await isFound(kind, mutated, model, first)
      t.ok(isKind, `${model}: ${kind} without those of ${what}`)
    }
  }
})

function isOf(what: Synced, kind: (typeof leftOut)[number][0]): boolean {
  return kind === 'files' ? typeof what === 'number' || what === 'everything' : what === kind
}

function withoutSync(what: Synced, before: Step | undefined): ViolationKind {
  // After a rename in queue/, the item that is tried again.
  if (before?.kind === 'names' && before.edits.length === 2) return 'back'
  return leftOut.find(([kind]) => isOf(what, kind))?.[1] ?? 'lost'
}

/** In so many steps after a sync that is missing, its acknowledgement comes. */
const soon = 24

/** Whether a violation is in a state that is possible only since a step is missing. */
async function isFound(
  kind: ViolationKind,
  mutated: readonly Step[],
  model: Model,
  from: number,
): Promise<boolean> {
  const to = Math.min(mutated.length, from + soon)
  const before = new Set([...statesOf(full, model, from, to + 1)].map(({ key }) => key))
  for (const state of statesOf(mutated, model, from, to)) {
    if (before.has(state.key)) continue
    const violations = await judgeState(state, 'full', `${directory}/state`)
    if (violations.some((violation) => violation.kind === kind)) return true
  }
  return false
}

/** On real ext4 and XFS the same went wrong. An item that is torn is lost, if it was acknowledged. */
const orders: readonly [like: string, order: string, expected: readonly ViolationKind[]][] = [
  ['dirq', 'write, link, unlink', ['lost', 'torn']],
  ['nq', 'write, link, fsync(queue), unlink', ['lost', 'torn']],
  ['Filespooler', 'write, fsync, rename', ['lost']],
  ['the Python fsq', 'write, fsync, link, unlink', ['lost']],
  ['nullmailer', 'write, fsync, link, fsync(queue), unlink', []],
]

t.test('the orders of other programs', { skip }, async (t) => {
  for (const [like, order, expected] of orders) {
    const steps = await trace(like, 'orders.mjs', order)
    for (const model of ['ordered', 'weak'] as const) {
      const kinds = await judgeStates(t, steps, model, 'full', bound(40))
      const found = Object.keys(kinds).filter((kind) => kind === 'torn' || kind === 'lost')
      t.strictSame(found.sort(), expected, `${model}, like ${like}`)
    }
  }
})
