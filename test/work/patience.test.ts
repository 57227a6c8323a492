import t from 'tap'
import { Patience } from '../../lib/work/patience.js'

/** A patience whose pauses are short, and what it tells. */
function patient(): { patience: Patience; told: string[] } {
  const told: string[] = []
  const patience = new Patience({
    judge: () => ({ remote: 'away' }),
    onAway: () => told.push('away'),
    onBack: () => told.push('back'),
    pauses: [0.001],
  })
  return { patience, told }
}

const gone = (): Promise<never> => Promise.reject(new Error('gone'))

t.test('that a remote is away is told once, and that it is back', async (t) => {
  const { patience, told } = patient()
  await t.rejects(patience.run(gone), /gone/)
  await t.rejects(patience.run(gone), /gone/)
  t.strictSame(told, ['away'])
  await patience.run(async () => undefined)
  t.strictSame(told, ['away', 'back'])
})

t.test('what was begun before an outage that is over says nothing of now', async (t) => {
  const { patience, told } = patient()
  let fail = (): void => undefined
  const early = patience.run(
    () =>
      new Promise<never>((_, reject) => {
        fail = () => {
          reject(new Error('no answer in time'))
        }
      }),
  )
  await new Promise(setImmediate) // It is under way.
  patience.lost(new Error('the connection is lost'))
  await patience.run(async () => undefined)
  fail()
  await t.rejects(early, /no answer/, 'whoever did it is told')
  t.strictSame(told, ['away', 'back'], 'and nobody else')
  await t.rejects(patience.run(gone), /gone/)
  t.strictSame(told, ['away', 'back', 'away'], 'what is begun now counts')
})
