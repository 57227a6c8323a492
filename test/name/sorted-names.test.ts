import t from 'tap'
import { sortNames } from '../../lib/name/order.js'
import { sortedNames } from '../../lib/name/sorted-names.js'

/** Names of items, and some that are none, in an order that is none. */
function* namesOf(count: number): Generator<string> {
  for (let i = 0; i < count; i++) {
    const mixed = Number((BigInt(i) * 2_654_435_761n) % BigInt(count))
    const delimiter = mixed % 1000 === 0 ? '\xe9' : '_'
    const fields = ['', 20_260_101_000_000 + (mixed % 97), mixed % 4001, mixed, 'host', '0', '\xff']
    yield mixed % 5000 === 1 ? `no item ${mixed}` : fields.join(delimiter)
  }
}

for (const [what, count] of Object.entries({
  none: 0,
  one: 1,
  'a few': 100,
  'all but one of a run': 32_767,
  'a run': 32_768,
  'one more than a run': 32_769,
  'several runs': 200_000,
})) {
  t.test(`the names of a queue come in their order: ${what}`, async (t) => {
    const names = [...sortedNames(namesOf(count))]
    t.equal(names.length, count)
    // Not with strictSame, which would compare them one by one, and tell of each.
    t.ok(names.join('/') === sortNames([...namesOf(count)]).join('/'))
  })
}

t.test('all names are read before the first is asked for', async (t) => {
  let read = 0
  function* counted(): Generator<string> {
    for (const name of namesOf(40_000)) {
      read++
      yield name
    }
  }
  const sorted = sortedNames(counted())
  t.equal(read, 40_000)
  t.equal([...sorted].length, 40_000)
})
