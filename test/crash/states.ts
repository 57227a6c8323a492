import { mkdirSync } from 'node:fs'
import { removeSync } from 'fs-extra/esm'
import {
  type Bytes,
  type Disk,
  diskOf,
  keyOf,
  layOut,
  type Model,
  type Moment,
  momentOf,
  type Step,
} from './disk.js'
import { itemsOf, readEvents } from './ledger.js'
import { judge, type Ledger, snapshot, type Violation } from './oracle.js'
import type { Durability } from './promises.js'
import { recover } from './recover.js'
import { random, sample } from './sample.js'

/*
 * The states in which a loss of power may leave a queue, by the models of disk.ts: for each moment of
 * a trace, those that are at the edge (nothing of what is not safe, all of it, each change alone,
 * each missing) and some at random; all there are, where they are few.
 */

/** One state, and what was known outside of the machine when the power went. */
export interface State {
  /** What makes two states the same. */
  readonly key: string
  readonly model: Model
  readonly told: string
  readonly disk: Disk
}

/** How many of the subsets of what is not safe are tried for a moment: all, if there are no more. */
const subsets = 64

/** The states that a model allows at the moments after `from` to `to` steps, each once. */
export function* statesOf(
  steps: readonly Step[],
  model: Model,
  from = 0,
  to = steps.length,
): Generator<State> {
  const seen = new Set<string>()
  const next = random(model)
  for (let count = from; count <= to; count++) {
    const moment = momentOf(steps, count, model)
    for (const isChosen of choicesOf(moment, model, next)) {
      for (const bytesOf of bytesOfFiles(moment, next)) {
        const state = stateOf(moment, model, isChosen, bytesOf)
        if (seen.has(state.key)) continue
        seen.add(state.key)
        yield state
      }
    }
  }
}

/** So many of those states, from moments all over the trace; all, if there are not so many. */
export function sampleStates(steps: readonly Step[], model: Model, count: number): State[] {
  if (count >= enumerable) return sample([...statesOf(steps, model)], count, model)
  const next = random(model)
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(next() * list.length)]
  const found = new Map<string, State>()
  for (let attempt = 0; attempt < count * 4 && found.size < count; attempt++) {
    const moment = momentOf(steps, Math.floor(next() * (steps.length + 1)), model)
    const isChosen = pick(choicesOf(moment, model, next))
    const bytesOf = pick(bytesOfFiles(moment, next))
    if (isChosen === undefined || bytesOf === undefined) continue
    const state = stateOf(moment, model, isChosen, bytesOf)
    found.set(state.key, state)
  }
  return [...found.values()]
}

/** From so many states on, it is worth to make all of them and choose. */
const enumerable = 1000

function stateOf(
  moment: Moment,
  model: Model,
  isChosen: Choice,
  bytesOf: (file: number) => Bytes,
): State {
  const disk = diskOf(moment, isChosen, bytesOf)
  return { key: `${moment.told}\n${keyOf(disk)}`, model, told: moment.told, disk }
}

type Choice = (change: number) => boolean

function choicesOf(moment: Moment, model: Model, next: () => number): Choice[] {
  return model === 'ordered' ? prefixes(moment) : subsetsOf(moment, next)
}

/** Everything up to some change, at least up to the last that is safe. */
function prefixes({ changes }: Moment): Choice[] {
  const first = changes.findLastIndex(({ isSafe }) => isSafe) + 1
  return Array.from({ length: changes.length - first + 1 }, (_, more): Choice => {
    return (change) => change < first + more
  })
}

function subsetsOf({ changes }: Moment, next: () => number): Choice[] {
  const open = changes.flatMap(({ isSafe }, at) => (isSafe ? [] : [at]))
  if (2 ** open.length <= subsets) {
    return Array.from({ length: 2 ** open.length }, (_, bits): Choice => {
      return (change) => ((bits >> open.indexOf(change)) & 1) === 1
    })
  }
  return [
    () => false,
    () => true,
    ...open.flatMap((one): Choice[] => [(change) => change === one, (change) => change !== one]),
    ...Array.from({ length: subsets }, (): Choice => {
      const chosen = new Set(open.filter(() => next() < 0.5))
      return (change) => chosen.has(change)
    }),
  ]
}

const fates: readonly Bytes[] = ['all', 'part', 'none', 'zeros']

/** Every file the same way, and once each in its own; one way where all bytes are safe. */
function bytesOfFiles({ files }: Moment, next: () => number): ((file: number) => Bytes)[] {
  if ([...files.values()].every(({ bytes, safe }) => bytes.length === safe)) return [() => 'all']
  const mixed = new Map([...files.keys()].map((file) => [file, fates[Math.floor(next() * 4)]]))
  return [...fates.map((fate) => () => fate), (file) => mixed.get(file) ?? 'all']
}

/** Lays a state out in a directory, judges it, repairs and drains it. */
export async function judgeState(
  { model, told, disk }: State,
  durability: Durability,
  directory: string,
): Promise<Violation[]> {
  const ledger: Ledger = {
    // Where a rename is two changes, `full` promises of finishing what `enqueue` does.
    durability: model === 'split' && durability === 'full' ? 'enqueue' : durability,
    crash: 'power',
    items: itemsOf(readEvents(told), 'q'),
  }
  mkdirSync(directory)
  try {
    layOut(disk, `${directory}/q`)
    return [
      ...judge(snapshot(`${directory}/q`), ledger),
      ...(await recover(`${directory}/q`, ledger)),
    ]
  } finally {
    removeSync(directory)
  }
}
