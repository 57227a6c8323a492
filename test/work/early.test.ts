import t from 'tap'
import { Early } from '../../lib/work/early.js'

/** All that are due at a time. */
function allDue(early: Early, now: number): string[] {
  const entries: string[] = []
  for (let entry = early.due(now); entry !== undefined; entry = early.due(now)) entries.push(entry)
  return entries
}

t.test('entries are due in the order of their times, each once', (t) => {
  const early = new Early()
  for (const time of [5, 2, 9, 4, 7]) early.add(`at ${time}`, time)
  t.equal(early.next, 2)
  t.ok(early.has('at 4'))
  t.strictSame(allDue(early, 5), ['at 2', 'at 4', 'at 5'])
  t.notOk(early.has('at 4'))
  t.equal(early.next, 7)
  t.strictSame(allDue(early, 5), [])
  t.end()
})

t.test('an entry that is forgotten, or gets another time, is not due at the first', (t) => {
  const early = new Early()
  early.add('forgotten', 1)
  early.forget('forgotten')
  early.add('sooner', 8)
  early.add('sooner', 2)
  early.add('later', 1)
  early.add('later', 9)
  t.strictSame([...(early.entries() as Iterable<string> & Iterator<string>)], ['sooner', 'later'])
  t.strictSame(allDue(early, 8), ['sooner'])
  t.strictSame(allDue(early, 9), ['later'])
  t.equal(early.next, undefined)
  t.end()
})

t.test('what is forgotten takes no memory, however far off its time is', (t) => {
  const early = new Early()
  early.add('kept', 1)
  for (let i = 0; i < 10_000; i++) {
    early.add(`${i}`, 1e12)
    early.forget(`${i}`)
  }
  t.ok(early.size < 1100, `${early.size}`)
  t.strictSame(allDue(early, Infinity), ['kept'])
  t.end()
})
