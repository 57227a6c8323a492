import t from 'tap'
import { Newest } from '../../lib/upkeep/newest.js'

t.test('the newest names are kept, in whatever order they come', async (t) => {
  const names = Array.from({ length: 1000 }, (_, i) => `_${2000 + i}_0`)
  const expected = names.slice(-7)
  const orders = [
    names,
    [...names].reverse(),
    [...names].sort((a, b) => (hash(a) < hash(b) ? -1 : 1)),
  ]
  for (const order of orders) {
    const newest = new Newest(7)
    for (const name of order) newest.add(name)
    t.strictSame(newest.names(), expected)
  }
  const few = new Newest(7)
  for (const name of ['b', 'a']) few.add(name)
  t.strictSame(few.names(), ['a', 'b'])
})

/** Some order that is none. */
function hash(name: string): string {
  return Array.from(name).reverse().join('')
}
