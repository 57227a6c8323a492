import t from 'tap'
import { Parked } from '../../lib/work/parked.js'

/** So much room for each key, and what is parked for want of it. */
function parkedWith(most: number): { parked: Parked; room: Map<string, number> } {
  const room = new Map<string, number>()
  const parked = new Parked(most, (key) => {
    const left = room.get(key) ?? 0
    if (left > 0) room.set(key, left - 1)
    return left > 0
  })
  return { parked, room }
}

t.test('entries of a key leave in the order in which they came, as far as there is room', (t) => {
  const { parked, room } = parkedWith(Infinity)
  room.set('a', 1)
  t.ok(parked.admitOrPark({ entry: 'a0', key: 'a' }))
  t.notOk(parked.admitOrPark({ entry: 'a1', key: 'a' }))
  t.notOk(parked.admitOrPark({ entry: 'b1', key: 'b' }))
  room.set('a', 2)
  t.notOk(parked.admitOrPark({ entry: 'a2', key: 'a' }), 'nobody passes those that came before')
  t.notOk(parked.admitOrPark({ entry: 'a3', key: 'a' }))
  t.equal(parked.next(), undefined, 'nobody told of room')
  t.notOk(parked.free('a'))
  t.strictSame(parked.next(), { entry: 'a1', key: 'a' })
  t.notOk(parked.has('a1'))
  t.strictSame(parked.next(), { entry: 'a2', key: 'a' })
  t.equal(parked.next(), undefined)
  t.ok(parked.has('a3'))
  room.set('a', 1).set('b', 1)
  parked.free('a')
  parked.free('b')
  t.strictSame(parked.next(), { entry: 'a3', key: 'a' })
  t.strictSame(parked.next(), { entry: 'b1', key: 'b' })
  t.equal(parked.next(), undefined)
  t.notOk(parked.hasAny)
  t.end()
})

t.test('a long line keeps its order', (t) => {
  const { parked, room } = parkedWith(Infinity)
  const left: unknown[] = []
  for (let i = 0; i < 100; i++) {
    parked.admitOrPark({ entry: `${i}`, key: 'a' })
    if (i % 3 === 0) continue
    room.set('a', 1)
    parked.free('a')
    left.push(parked.next()?.entry)
  }
  t.strictSame(
    left,
    left.map((_, i) => `${i}`),
  )
  t.end()
})

t.test('those that are not remembered are listed again, once nothing else is there', (t) => {
  const { parked, room } = parkedWith(2)
  for (const entry of ['1', '2', '3']) parked.admitOrPark({ entry, key: 'a' })
  t.notOk(parked.has('3'))
  room.set('a', 2)
  t.notOk(parked.free('a'))
  t.equal(parked.next()?.entry, '1')
  t.equal(parked.next()?.entry, '2')
  t.ok(parked.hasAny)
  t.ok(parked.free('a'))
  t.notOk(parked.hasAny)
  t.notOk(parked.free('a'))
  t.end()
})

t.test('only a key that has entries which are not remembered makes it list again', (t) => {
  const { parked, room } = parkedWith(1)
  for (const entry of ['a1', 'a2']) parked.admitOrPark({ entry, key: 'a' })
  t.notOk(parked.free('b'), 'it had room')
  parked.admitOrPark({ entry: 'b1', key: 'b' })
  t.ok(parked.free('b'), 'it was refused')
  t.notOk(parked.free('b'), 'and is looked at')
  room.set('a', 1)
  t.notOk(parked.free('a'), 'one is in line')
  t.equal(parked.next()?.entry, 'a1')
  t.ok(parked.hasAny)
  t.ok(parked.free('a'))
  t.notOk(parked.hasAny)
  t.end()
})
