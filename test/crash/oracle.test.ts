import t from 'tap'
import {
  type Entry,
  judge,
  type Ledger,
  type LedgerItem,
  sha256,
  type ViolationKind,
} from './oracle.js'
import { allowedStates, type Place, states } from './promises.js'

const name = '_20120710213904_0_13044_mss_0_a'
const retried = '_20120710213904_0_13044_mss_1_a'
const body = sha256('the body')

function entry(place: Place, fields: Partial<Entry> = {}): Entry {
  return { place, name, inode: '1:1', sha256: body, ...fields }
}

type Row = [
  what: string,
  item: Omit<LedgerItem, 'sha256'>,
  ledger: Pick<Ledger, 'durability' | 'crash'>,
  entries: readonly Entry[],
  expected: readonly ViolationKind[],
]

const fullPower = { durability: 'full', crash: 'power' } as const
const enqueuePower = { durability: 'enqueue', crash: 'power' } as const
const noneKill = { durability: 'none', crash: 'kill' } as const
const nonePower = { durability: 'none', crash: 'power' } as const
const acknowledged = { id: name }
const done = { id: name, finish: { operation: 'done', id: name } } as const
const retry = { id: name, finish: { operation: 'retry', id: retried } } as const

const table: readonly Row[] = [
  ['an acknowledged item that waits', acknowledged, fullPower, [entry('queue')], []],
  ['one whose name in tmp is left', acknowledged, fullPower, [entry('tmp'), entry('queue')], []],
  ['one that a worker has finished', acknowledged, fullPower, [entry('done')], []],
  ['an acknowledged item that is gone', acknowledged, fullPower, [], ['lost']],
  ['one that is only in tmp', acknowledged, fullPower, [entry('tmp')], ['lost']],
  ['one that is gone at enqueue', acknowledged, enqueuePower, [], ['lost']],
  ['one that is gone at none', acknowledged, nonePower, [], []],
  ['one that a killed process lost at none', acknowledged, noneKill, [], ['lost']],
  ['an item that nobody acknowledged and is gone', {}, fullPower, [], []],
  ['an item that nobody acknowledged and is there', {}, fullPower, [entry('queue')], []],
  ['a done item in done', done, fullPower, [entry('done')], []],
  ['a done item that is back', done, fullPower, [entry('queue')], ['back']],
  ['a done item that is back at enqueue', done, enqueuePower, [entry('queue')], []],
  ['a done item in fail', done, enqueuePower, [entry('fail')], ['back']],
  ['a done item in both', done, enqueuePower, [entry('queue'), entry('done')], []],
  ['a done item in both at full', done, fullPower, [entry('queue'), entry('done')], ['back']],
  ['a done item that is gone', done, enqueuePower, [], ['lost']],
  ['a retried item', retry, fullPower, [entry('queue', { name: retried })], []],
  ['a retried item under its old name', retry, fullPower, [entry('queue')], ['back']],
  ['a retried item under its old name at enqueue', retry, enqueuePower, [entry('queue')], []],
  [
    'a body of which a part is missing',
    {},
    fullPower,
    [entry('queue', { sha256: sha256('the b') })],
    ['torn'],
  ],
  ['a part of a body in tmp', {}, fullPower, [entry('tmp', { sha256: sha256('the b') })], []],
  [
    'a part of a body at none',
    acknowledged,
    nonePower,
    [entry('queue', { sha256: sha256('') })],
    [],
  ],
  [
    'a name that is none',
    acknowledged,
    fullPower,
    [entry('queue'), entry('queue', { name: 'core' })],
    ['malformed'],
  ],
  [
    'an item as two files',
    acknowledged,
    fullPower,
    [entry('queue'), entry('done', { inode: '1:2' })],
    ['double'],
  ],
  [
    'an item in done and in fail',
    acknowledged,
    fullPower,
    [entry('done'), entry('fail')],
    ['state'],
  ],
  ['a refused item that is absent', { refused: true }, fullPower, [], []],
  [
    'a refused item that is there',
    { refused: true },
    { ...fullPower, crash: 'kill' },
    [entry('queue')],
    ['false error'],
  ],
]

for (const [what, item, ledger, entries, expected] of table) {
  t.test(`the oracle finds ${expected.join() || 'nothing wrong'} with ${what}`, async (t) => {
    const violations = judge(entries, { ...ledger, items: [{ sha256: body, ...item }] })
    t.strictSame(
      violations.map(({ kind }) => kind),
      expected,
    )
  })
}

t.test('the promises name states of the table, all of them', async (t) => {
  const named = new Set(states.map(({ name }) => name))
  t.equal(states.length, 7)
  for (const operation of ['enqueue', 'done', 'fail', 'retry'] as const) {
    for (const durability of ['full', 'enqueue', 'none'] as const) {
      for (const crash of ['kill', 'power'] as const) {
        for (const state of allowedStates(operation, durability, crash) ?? [])
          t.ok(named.has(state), `${state} is a state`)
      }
    }
  }
})
