import t from 'tap'
import { compareNames, firstNames, sortNames } from '../../lib/name/order.js'

/** Each list is in order. */
const orders: Record<string, string[]> = {
  'older timestamps come first': [
    '_20120710213904_5_1_h_0',
    '_20120710213905_0_1_h_0',
    '_20130101000000_0_1_h_0',
  ],
  'entropy counts as a number': ['_2012_0_1_h_0', '_2012_2_1_h_0', '_2012_10_1_h_0'],
  'entropy may be larger than any number': [
    '_2012_9_1_h_0',
    '_2012_9007199254740992_1_h_0',
    '_2012_9007199254740993_1_h_0',
    '_2012_100000000000000000000_1_h_0',
  ],
  'leading zeroes of entropy do not count': ['_2012_009_1', '_2012_10_1', '_2012_0011_1'],
  'the rest counts by its bytes': ['_2012_0_10_h_0', '_2012_0_9_h_0', '_2012_0_9_i_0'],
  'the delimiter does not count before the fields': [
    '_2011_0_1_h_0',
    '+2012+0+1+h+0',
    '_2012_0_1_h_0',
    '-2012-1-1-h-0',
    '.2012.2.1.h.0',
    '+2013+0+1+h+0',
  ],
  'malformed names sort too': ['_', '_2012', '_2012_0', '_2012_0_1_h_0', '_2013_0', 'no item'],
}

for (const [what, names] of Object.entries(orders)) {
  t.test(what, async (t) => {
    t.strictSame(sortNames([...names]), names)
    t.strictSame(sortNames([...names].reverse()), names)
    t.strictSame(sortNames([...names].sort()), names)
  })
}

t.test('names are compared by their fields, whatever those are', async (t) => {
  /** The fields of the order, as the words of fsq(7) have it. */
  const inWords = (a: string, b: string): number => {
    const text = (x = '', y = ''): number => Buffer.compare(Buffer.from(x), Buffer.from(y))
    const number = (entropy = ''): string => entropy.replace(/^0+(?=.)/, '')
    const [[firstOfA, ...partsOfA], [firstOfB, ...partsOfB]] = [a, b]
    const [timestampOfA, entropyOfA] = partsOfA.join('').split(firstOfA ?? '')
    const [timestampOfB, entropyOfB] = partsOfB.join('').split(firstOfB ?? '')
    const [left, right] = [number(entropyOfA), number(entropyOfB)]
    return (
      text(timestampOfA, timestampOfB) ||
      left.length - right.length ||
      text(left, right) ||
      text(a, b)
    )
  }
  const parts = ['', '0', '00', '1', '10', '010', '-', '0-', '--', '.', 'x', '2012', '2013']
  const names = ['_', '+'].flatMap((delimiter) =>
    parts.flatMap((timestamp) =>
      parts.map((entropy) => [delimiter, timestamp, delimiter, entropy, delimiter, 'h'].join('')),
    ),
  )
  for (const a of names)
    for (const b of names) {
      const [got, wanted] = [compareNames(a, b), inWords(a, b)].map(Math.sign)
      if (got !== wanted) t.equal(got, wanted, `${a} and ${b}`)
    }
  t.ok(names.length > 300)
})

t.test('the list that is given is itself sorted', async (t) => {
  const names = ['_2_0', '_1_0']
  t.equal(sortNames(names), names)
  t.strictSame(names, ['_1_0', '_2_0'])
})

t.test('the first names are the same as those of the sorted list', async (t) => {
  const names = Array.from({ length: 97 }, (_, i) => `_2012_${(i * 37) % 97}_1_h_0`)
  const sorted = sortNames([...names])
  for (const most of [1, 2, 10, 96, 97, 98, 1000]) {
    t.strictSame(firstNames(names, most), sorted.slice(0, most))
    t.strictSame(firstNames(names, most, sorted[9]), sorted.slice(10, 10 + most))
  }
  t.strictSame(firstNames(names, 5, sorted.at(-1)), [])
})

t.test('an empty list stays empty, and an empty name comes first', async (t) => {
  t.strictSame(sortNames([]), [])
  t.strictSame(sortNames(['_1', '']), ['', '_1'])
})
