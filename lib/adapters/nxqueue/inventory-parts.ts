import type { MapValue, Value } from './document.js'
import { formatPlace, type InventoryProblem, type FilePlace } from './inventory-error.js'
import { inventorySchema, type Schema } from './inventory-schema.js'

/** Adds a problem to those that were found. */
export type Report = (problem: InventoryProblem) => void

/** A server, drive, volume or group as a file says it, and where its members stand. */
export interface Part<T> {
  /** With the defaults of the schema. */
  readonly given: T
  /** Where the value of a member stands; where it is not given, the whole. */
  readonly at: (member: keyof T & string) => FilePlace
  /** Whether its form is good; of one that is not, only its name counts. */
  readonly good: boolean
}

/** Everything of a kind, by its name. */
export type Named<T> = ReadonlyMap<string, Part<T>>

/** Those whose form is good. */
export function good<T>(named: Named<T>): Part<T>[] {
  return [...named.values()].filter((part) => part.good)
}

/**
 * What files say of all servers, drives, volumes or groups; tells of each name that is there twice, of which the
 * first counts.
 */
export function namedParts<T extends { readonly name: string }>(
  roots: readonly MapValue[],
  what: string,
  isGood: (value: MapValue) => boolean,
  report: Report,
): Named<T> {
  const schema = inventorySchema.properties?.[`${what}s`]?.items
  const named = new Map<string, Part<T>>()
  for (const value of roots.flatMap((root) => objectsIn(root, `${what}s`))) {
    const part: Part<T> = {
      given: plain(value, schema) as T,
      at: (member) => value.members.get(member)?.value.at ?? value.at,
      good: isGood(value),
    }
    const { name }: { readonly name?: unknown } = part.given
    if (typeof name !== 'string') continue // What is wrong with it is known.
    const first = named.get(name)
    if (first === undefined) named.set(name, part)
    else {
      const where = formatPlace(first.at('name'))
      report({ ...part.at('name'), message: `there is a ${what} \`${name}\` already, at ${where}` })
    }
  }
  return named
}

function objectsIn({ members }: MapValue, list: string): MapValue[] {
  const value = members.get(list)?.value
  return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'map') : []
}

/** A value without its places, with the defaults of the schema. */
function plain(value: Value, schema?: Schema): unknown {
  if (value.kind === 'scalar') return value.value
  if (value.kind === 'list') return value.items.map((item) => plain(item, schema?.items))
  const { properties = {} } = schema ?? {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, of]): [string, unknown][] => {
      const member = value.members.get(name)
      if (member !== undefined) return [[name, plain(member.value, of)]]
      return of.default === undefined ? [] : [[name, of.default]]
    }),
  )
}
