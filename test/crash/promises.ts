import { readFileSync } from 'node:fs'

/*
 * The promises that the oracle judges by, read from docs/guarantees.md: whoever changes a promise
 * changes it there, and the tests follow.
 */

/** The directories of a queue in which an item can be. */
export const places = ['tmp', 'queue', 'done', 'fail'] as const
export type Place = (typeof places)[number]

export type Durability = 'full' | 'enqueue' | 'none'

/** What ended the program. */
export type Crash = 'kill' | 'power'

export type Operation = 'enqueue' | 'done' | 'fail' | 'retry' | 'requeue'

type Presence = '+' | '-' | '?'

interface State {
  readonly name: string
  readonly presence: Readonly<Record<Place, Presence>>
}

interface Promise {
  readonly operation: Operation
  readonly durability: Durability
  readonly states: Readonly<Record<Crash, readonly string[]>>
}

const guarantees = readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8')

/** The rows of the table with that first heading. */
function tableOf(heading: string): string[][] {
  const lines = guarantees.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`))
  if (start < 0) throw new Error(`docs/guarantees.md has no table of ${heading}`)
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'))
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Every state that an item may be in. */
export const states: readonly State[] = tableOf('state').map(([name = '', ...cells]) => {
  const [tmp, queue, done, fail] = cells as [Presence, Presence, Presence, Presence]
  return { name, presence: { tmp, queue, done, fail } }
})

const promised: readonly Promise[] = tableOf('acknowledged').map((cells) => {
  const [operation, durability, kill = '', power = ''] = cells
  return {
    operation: operation as Operation,
    durability: durability as Durability,
    states: { kill: kill.split(' '), power: power.split(' ') },
  }
})

/** The state of an item that is in those places; undefined where there is no such state. */
export function stateOf(where: ReadonlySet<Place>): string | undefined {
  return states.find(({ presence }) =>
    places.every(
      (place) => presence[place] === '?' || (presence[place] === '+') === where.has(place),
    ),
  )?.name
}

/** The states that an acknowledgement allows after a crash; undefined for any at all. */
export function allowedStates(
  operation: Operation,
  durability: Durability,
  crash: Crash,
): readonly string[] | undefined {
  const promise = promised.find(
    (row) => row.operation === operation && row.durability === durability,
  )
  if (promise === undefined)
    throw new Error(`docs/guarantees.md does not promise ${operation} at ${durability}`)
  const allowed = promise.states[crash]
  return allowed.includes('anything') ? undefined : allowed
}
