import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import { openRoot } from '../../lib/queue/root.js'
import type { Model, Step } from './disk.js'
import { stepsOf } from './disk.js'
import type { ViolationKind } from './oracle.js'
import { bound, sample } from './sample.js'
import { judgeState, statesOf } from './states.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'
import { scratchDirectory } from './sweep.js'

const skip = cannotTrace()
const models: readonly Model[] = ['ordered', 'weak', 'split']
const directory = scratchDirectory()
t.teardown(() => {
  removeSync(directory)
})

/** Runs a program of this directory on a new queue; what it did. */
async function trace(name: string, program: string, ...words: string[]): Promise<Step[]> {
  const place = `${directory}/${name}`
  mkdirSync(place)
  const queue = await openRoot({ root: `${place}/root` }).install('q')
  const file = fileURLToPath(new URL(program, import.meta.url))
  const command = [process.execPath, file, ...words, place]
  const { status, stderr } = await startTraced(`${place}/trace`, command).ended
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return stepsOf(readTrace(`${place}/trace`), queue.path)
}

/** What is wrong in (some of) the states that a model allows: how often, and each kind. */
async function judgeStates(
  steps: readonly Step[],
  model: Model,
  count: number,
): Promise<{
  readonly all: number
  readonly judged: number
  readonly kinds: Map<ViolationKind, string[]>
}> {
  const all = [...statesOf(steps, model)]
  const chosen = sample(all, count, model)
  const kinds = new Map<ViolationKind, string[]>()
  for (const state of chosen) {
    for (const { kind, detail } of await judgeState(state, 'full', `${directory}/state`))
      kinds.set(kind, [...(kinds.get(kind) ?? []), detail])
  }
  return { all: all.length, judged: chosen.length, kinds }
}

type Synced = Extract<Step, { kind: 'sync' }>['what']

/** What goes wrong without which syncs. */
const leftOut = [
  ['files', 'torn'],
  ['queue', 'lost'],
  ['done', 'back'],
  ['fail', 'back'],
] as const

t.test('what a loss of power leaves of a program', { skip }, async (t) => {
  const steps = await trace('work', 'work.mjs')
  for (const model of models) {
    const { all, judged, kinds } = await judgeStates(steps, model, bound(100))
    t.comment(`${model}: ${judged} of ${all} states`)
    t.strictSame(Object.fromEntries(kinds), {}, `${model}: nothing is lost, torn or back`)
  }

  t.test('without a sync something goes wrong that the oracle can name', async (t) => {
    // Those in flight may share a sync, and then one more is not missed.
    const alone = steps.findIndex((step) => step.kind === 'told' && step.line.includes('several'))
    for (const [at, step] of steps.slice(0, alone).entries()) {
      if (step.kind !== 'sync') continue
      const kind = withoutSync(step.what, steps[at - 1])
      const mutated = steps.filter((_, other) => other !== at)
      for (const model of ['ordered', 'weak'] as const)
        t.ok(await isFound(kind, mutated, steps, model, at), `${model}: ${kind} without sync ${at}`)
    }
  })

  t.test('without the syncs of a kind something goes wrong', async (t) => {
    for (const [what, kind] of leftOut) {
      const mutated = steps.filter((step) => step.kind !== 'sync' || !isOf(step.what, what))
      const first = steps.findIndex((step) => step.kind === 'sync' && isOf(step.what, what))
      for (const model of ['ordered', 'weak'] as const)
        t.ok(
          await isFound(kind, mutated, steps, model, first),
          `${model}: ${kind} without those of ${what}`,
        )
    }
  })
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
  steps: readonly Step[],
  model: Model,
  from: number,
): Promise<boolean> {
  const to = Math.min(mutated.length, from + soon)
  const before = new Set([...statesOf(steps, model, from, to + 1)].map(({ key }) => key))
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
      const { kinds, judged } = await judgeStates(steps, model, bound(40))
      const found = [...kinds.keys()].filter((kind) => kind === 'torn' || kind === 'lost').sort()
      t.strictSame(found, expected, `${model}, like ${like}: ${found.join(' and ') || 'nothing'}`)
      t.comment(`${judged} states`)
    }
  }
})
