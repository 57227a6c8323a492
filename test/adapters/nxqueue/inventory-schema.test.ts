import Ajv from 'ajv'
import t from 'tap'
import { checkForm } from '../../../lib/adapters/nxqueue/check-form.js'
import type { Value } from '../../../lib/adapters/nxqueue/document.js'
import { inventorySchema } from '../../../lib/adapters/nxqueue/index.js'

/*
 * The schema, and what judges by it here, against a validator of JSON Schema that others wrote.
 */

const validator = new Ajv({ strictDefaults: true, strictKeywords: true })
const judge = validator.compile(inventorySchema)

/** Every member that there is. */
const whole = {
  $schema: 'x',
  servers: [{ name: 'a', slots: 2 }],
  drives: [
    {
      name: 'd',
      changer: 'c',
      generation: 6,
      type: 'LTO-6',
      reads: [5, 6],
      writes: [6],
      servers: ['a', 'b'],
      enabled: true,
    },
  ],
  volumes: [
    {
      name: 'v.1',
      state: 'read-only',
      changer: 'c',
      slot: 0,
      group: 'g',
      generation: 6,
      capacity: '2.5 TB',
      used: 0,
      mounted: 'd',
      servers: ['a'],
      jobs: 1,
    },
  ],
  groups: [{ name: 'g', description: 'x' }],
}

const values: readonly unknown[] = [
  ...[null, true, false, [], {}, [[]], ['a'], ['a', 'a'], [1], [1, 1], [0], { a: 1 }, [{}]],
  ...[-1, 0, 1, 2, 3, 4, 1.5, 99, 100, 1000, 1001, 1_000_000, 1_000_001],
  ...[1e12, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300],
  ...['', 'a', 'any', 'anyone', 'a.any', 'a b', '.a', 'a.', 'a..b', '-', '_', 'a/b', 'ä', 'a\n'],
  ...['a'.repeat(100), 'a'.repeat(101), '😀'.repeat(100), '😀'.repeat(101), 'x'.repeat(1000)],
  ...['x'.repeat(1001), 'unknown', 'enabled', 'read-only', 'disabled', 'Enabled', '1', 'true'],
  ...[
    '1 TB',
    '1TB',
    '1.5 TiB',
    '1  TB',
    '1. TB',
    '1',
    '1 B',
    '1 KB',
    '1 kB',
    '1 kiB',
    '1 KiB',
    '-1 B',
  ],
]

/** What a file would say. */
function valueOf(value: unknown): Value {
  const at = { file: 'i.json' }
  if (Array.isArray(value)) return { kind: 'list', at, items: value.map(valueOf) }
  if (typeof value !== 'object' || value === null)
    return { kind: 'scalar', at, value, source: String(value) }
  const members = Object.entries(value).map(([name, member]) => {
    return [name, { at, value: valueOf(member) }] as const
  })
  return { kind: 'map', at, members: new Map(members) }
}

/** The value with that member of one of its objects, or item of one of its lists, changed. */
type Change = (owner: Record<string, unknown>) => void

/** All changes of one place, applied to copies. */
function* changed(): Generator<readonly [what: string, value: unknown]> {
  const paths = (value: unknown): string[][] =>
    typeof value !== 'object' || value === null
      ? [[]]
      : [[], ...Object.entries(value).flatMap(([k, v]) => paths(v).map((rest) => [k, ...rest]))]
  for (const path of paths(whole)) {
    const last = path.at(-1)
    const apply = (what: string, change: Change): readonly [string, unknown] => {
      const copy = structuredClone(whole)
      let owner = copy as unknown as Record<string, unknown>
      for (const step of path.slice(0, -1)) owner = owner[step] as Record<string, unknown>
      change(owner)
      return [`${path.join('.')}: ${what}`, copy]
    }
    if (last === undefined) for (const value of values) yield [JSON.stringify(value), value]
    else {
      for (const value of values)
        yield apply(JSON.stringify(value), (owner) => (owner[last] = value))
      yield apply('another', (owner) => {
        if (!Array.isArray(owner)) owner['other'] = 1
      })
      yield apply('none', (owner) => {
        if (Array.isArray(owner)) owner.splice(Number(last), 1)
        else Reflect.deleteProperty(owner, last)
      })
    }
  }
}

t.test('a validator of JSON Schema comes to the same judgement', async (t) => {
  const counts = { good: 0, bad: 0 }
  for (const [what, value] of changed()) {
    const { problems } = checkForm(valueOf(value), inventorySchema)
    const isGood = judge(value) === true
    counts[isGood ? 'good' : 'bad']++
    if (isGood !== (problems.length === 0)) t.fail(what, { problems, others: judge.errors })
  }
  t.ok(counts.good > 100 && counts.bad > 1000, `${counts.good} are good, ${counts.bad} are not`)
})

t.test('it is a schema', async (t) => {
  t.equal(validator.validateSchema(inventorySchema), true, validator.errorsText())
})
