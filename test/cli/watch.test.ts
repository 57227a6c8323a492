import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { pause } from '../../lib/cli/watch.js'

t.test('a pause may be longer than a timer of Node.js', async (t) => {
  const quit = new AbortController()
  const month = pause(30 * 24 * 60 * 60, quit.signal)
  // One that is too long rings after a millisecond.
  t.equal(await Promise.race([month, setTimeout(20, 'it waits')]), 'it waits')
  quit.abort()
  await t.rejects(month, { name: 'AbortError' })
})
