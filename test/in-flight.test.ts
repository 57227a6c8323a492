import t from 'tap'
import { inFlight } from '../lib/in-flight.js'
import { nextTurn } from '../lib/turn.js'

/** Yields these, and notes when it is left. */
async function* source(log: string[], ...values: readonly string[]): AsyncGenerator<string> {
  try {
    yield* values
  } finally {
    log.push('left')
  }
}

t.test('so many run at a time, and no more', async (t) => {
  for (const most of [1, 2, 5]) {
    let [now, highest] = [0, 0]
    const log: string[] = []
    await inFlight(source(log, 'a', 'b', 'c', 'd', 'e', 'f'), most, async (each) => {
      highest = Math.max(highest, ++now)
      await nextTurn()
      now--
      log.push(each)
    })
    t.equal(highest, most)
    t.strictSame(log.filter((each) => each !== 'left').sort(), ['a', 'b', 'c', 'd', 'e', 'f'])
  }
})

t.test('after a failure the source is left only when all that run have ended', async (t) => {
  for (const [most, expected] of [
    [2, ['one', 'left']],
    [3, ['one', 'two', 'left']],
  ] as const) {
    const log: string[] = []
    const run = async (each: string): Promise<void> => {
      if (each === 'bad') throw new Error('it is bad')
      await nextTurn() // Whoever does not wait for this goes on first.
      log.push(each)
    }
    const running = inFlight(source(log, 'one', 'bad', 'two', 'three'), most, run)
    await t.rejects(running, { message: 'it is bad' })
    t.strictSame(log, expected, `${most} at a time`)
  }
})

t.test('where the source fails, all that run end before that is thrown', async (t) => {
  const log: string[] = []
  async function* failing(): AsyncGenerator<string> {
    yield* ['one', 'two']
    throw new Error('no more')
  }
  const running = inFlight(failing(), 5, async (each) => {
    await nextTurn()
    log.push(each)
  })
  await t.rejects(running, { message: 'no more' })
  t.strictSame(log, ['one', 'two'])
})
