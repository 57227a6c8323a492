import { suggestion } from '../../suggestion.js'
import type { MapValue, Value } from './document.js'
import type { InventoryProblem, FilePlace } from './inventory-error.js'
import type { Schema, SchemaType } from './inventory-schema.js'

/** What came of a look at the form of a value. */
export interface Form {
  readonly problems: readonly InventoryProblem[]
  /** The values, and those around them, that have not the form that they should have. */
  readonly bad: ReadonlySet<Value>
}

/**
 * Looks whether a value has the form that a schema asks for, and tells of all that has not, where it stands.
 * Its test has a validator of JSON Schema judge the same values.
 */
export function checkForm(value: Value, schema: Schema): Form {
  const problems: InventoryProblem[] = []
  const bad = new Set<Value>()
  check(value, schema, { problems, bad })
  return { problems, bad }
}

interface Findings {
  readonly problems: InventoryProblem[]
  readonly bad: Set<Value>
}

function check(value: Value, schema: Schema, findings: Findings): void {
  const { problems, bad } = findings
  const wrong = (at: FilePlace, message: string): void => {
    bad.add(value)
    problems.push({ ...at, message })
  }
  const inside = (part: Value, of: Schema): void => {
    check(part, of, findings)
    if (bad.has(part)) bad.add(value)
  }
  if (!isAllowed(value, schema))
    wrong(value.at, `expected ${schema.title}, got ${shown(value)}${quotes(value, schema)}`)
  else if (value.kind === 'list') {
    if (schema.uniqueItems === true)
      for (const twice of repeated(value.items)) wrong(twice.at, `${shown(twice)} is there twice`)
    if (schema.items !== undefined) for (const item of value.items) inside(item, schema.items)
  } else if (value.kind === 'map') checkMembers(value, schema, wrong, inside)
}

function checkMembers(
  { at, members }: MapValue,
  { properties = {}, required = [], dependencies = {}, additionalProperties }: Schema,
  wrong: (at: FilePlace, message: string) => void,
  inside: (part: Value, of: Schema) => void,
): void {
  for (const [name, member] of members) {
    const of = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (of !== undefined) inside(member.value, of)
    else if (additionalProperties === false) {
      const known = Object.keys(properties)
      const likely = suggestion(name, known) || `; there are ${known.join(', ')}`
      wrong(member.at, `there is no member ${JSON.stringify(name)}${likely}`)
    }
    for (const needed of Object.hasOwn(dependencies, name) ? (dependencies[name] ?? []) : [])
      if (!members.has(needed))
        wrong(member.at, `\`${name}\` needs \`${needed}\`, which is missing`)
  }
  for (const name of required)
    if (!members.has(name))
      wrong(at, `\`${name}\` is missing: ${properties[name]?.title ?? 'a value'}`)
}

function hasType(value: Value, { type }: Schema): boolean {
  const types: readonly SchemaType[] = typeof type === 'string' ? [type] : type
  if (value.kind === 'map') return types.includes('object')
  if (value.kind === 'list') return types.includes('array')
  const given = value.value
  if (typeof given === 'number') return types.includes('integer') && Number.isInteger(given)
  if (typeof given === 'string') return types.includes('string')
  return typeof given === 'boolean' && types.includes('boolean')
}

/** Whether a value, but for its parts, is one that the schema allows. */
function isAllowed(value: Value, schema: Schema): boolean {
  if (!hasType(value, schema)) return false
  if (value.kind === 'list') return value.items.length >= (schema.minItems ?? 0)
  if (value.kind === 'map') return true
  const given = value.value
  if (typeof given !== 'string' && typeof given !== 'number') return true
  if (schema.enum?.includes(given) === false) return false
  if (typeof given === 'number')
    return given >= (schema.minimum ?? -Infinity) && given <= (schema.maximum ?? Infinity)
  const { length } = Array.from(given)
  return (
    length >= (schema.minLength ?? 0) &&
    length <= (schema.maxLength ?? Infinity) &&
    (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(given))
  )
}

/** Scalars that stand before in the same list. */
function repeated(items: readonly Value[]): readonly Value[] {
  const seen = new Set<unknown>()
  return items.filter((item) => {
    if (item.kind !== 'scalar') return false
    const there = seen.has(item.value)
    seen.add(item.value)
    return there
  })
}

/** Much of a value that is wrong says no more than its beginning. */
const enough = 80

/** A value as a message shows it. */
function shown(value: Value): string {
  if (value.kind === 'map') return 'an object'
  if (value.kind === 'list') return value.items.length === 0 ? 'an empty list' : 'a list'
  if (value.value === null) return value.source === '' ? 'nothing' : value.source
  const text = typeof value.value === 'string' ? JSON.stringify(value.value) : value.source
  return text.length > enough ? `${text.slice(0, enough)}...` : text
}

/** What YAML takes for a number or the like, where it is meant to be a text: labels of tapes look like that. */
function quotes(value: Value, { type }: Schema): string {
  if (value.kind !== 'scalar' || type !== 'string' || typeof value.value === 'string') return ''
  if (value.source === '') return ''
  return `, which is no text unless it is in quotes: "${value.source}"`
}
