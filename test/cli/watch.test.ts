import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { fitted, pause } from '../../lib/cli/watch.js'

t.test('a pause may be longer than a timer of Node.js', async (t) => {
  const quit = new AbortController()
  const month = pause(30 * 24 * 60 * 60, quit.signal)
  // One that is too long rings after a millisecond.
  t.equal(await Promise.race([month, setTimeout(20, 'it waits')]), 'it waits')
  quit.abort()
  await t.rejects(month, { name: 'AbortError' })
})

t.test('lines that a screen has no room for are told of', async (t) => {
  const lines = ['a', 'b', 'c', 'd']
  const cases: readonly (readonly [rows: number, shown: readonly string[]])[] = [
    [5, lines],
    [4, lines],
    [3, ['a', 'b', '... and 2 more lines']],
    [1, ['... and 4 more lines']],
  ]
  for (const [rows, shown] of cases) t.strictSame(fitted(lines, rows), shown, `${rows} rows`)
})
