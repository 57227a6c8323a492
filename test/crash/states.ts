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
import { random } from './sample.js'

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
    for (const isChosen of model === 'ordered' ? prefixes(moment) : subsetsOf(moment, next)) {
      for (const bytesOf of bytesOfFiles(moment, next)) {
        const disk = diskOf(moment, isChosen, bytesOf)
        const key = `${moment.told}\n${keyOf(disk)}`
        if (seen.has(key)) continue
        seen.add(key)
        yield { key, model, told: moment.told, disk }
      }
    }
  }
}

type Choice = (change: number) => boolean

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
