import { fileURLToPath } from 'node:url'
import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import { startProgram } from '../helpers/cli.js'
import { contentsOf, temporaryQueue } from '../helpers/temporary.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'
import { operate, scratchDirectory, setUp } from './sweep.js'

const skip = cannotTrace()

/*
 * A key that the loss of power takes while its item stays would let the item be enqueued again. So
 * every name of the key has to be synced before the name in queue/ is made.
 */
for (const operation of [
  'enqueue with a key',
  'a batch with a key',
  'a batch with a key and syncfs',
]) {
  t.test(`${operation}: the key lasts before the item can`, { skip }, async (t) => {
    const directory = scratchDirectory()
    t.teardown(() => {
      removeSync(directory)
    })
    await setUp(operation, directory)
    const place = `${directory}/template`
    const words = [process.execPath, operate, operation, 'act', place]
    const { status } = await startTraced(`${place}/trace`, words, ['-f']).ended
    t.equal(status, 0)
    const calls = readTrace(`${place}/trace`)
    const isLink = ({ name }: { name: string }): boolean => name === 'link' || name === 'linkat'
    const links = calls.filter((call) => isLink(call) && Number.parseInt(call.result) === 0)
    const published = links.find(({ arguments: words }) =>
      words.some((w) => w.includes('/q/queue/')),
    )
    // The directory of the key is reached by its descriptor.
    const key = calls.find(({ result }) => /^\d+<.*\/q\/\.ids\/[0-9a-f]{64}>/.test(result))
    const held = `/fd/${Number.parseInt(key?.result ?? '')}/`
    const keyed = links.find(({ arguments: words }) => words.some((w) => w.includes(held)))
    if (published === undefined || keyed === undefined) throw new Error('it was not linked')
    const synced = calls
      .filter(({ name, began, ended }) => {
        const isSync = name === 'fsync' || name === 'syncfs'
        return isSync && began >= keyed.ended && ended <= published.began
      })
      .map(({ name, arguments: [word = ''] }) => (name === 'syncfs' ? name : word))
    for (const what of [/\/q\/\.ids\/[0-9a-f]{64}>/, /\/q\/\.ids>/, /\/q>/])
      t.ok(
        synced.some((each) => each === 'syncfs' || what.test(each)),
        String(what),
      )
  })
}

t.test('programs that enqueue under the same keys at the same time', async (t) => {
  const queue = await temporaryQueue(t)
  const program = fileURLToPath(new URL('enqueue-keys.mjs', import.meta.url))
  const started = Array.from({ length: 8 }, (_, at) =>
    startProgram(process.execPath, [program, queue.path, '200', String(at)], {
      input: { later: true },
    }),
  )
  for (const each of started) await each.line()
  for (const each of started) each.end()
  const answers = await Promise.all(
    started.map(async ({ ended }) => {
      const { status, stdout, stderr } = await ended
      t.strictSame([status, stderr], [0, ''])
      return JSON.parse(stdout.split('\n')[1] ?? '') as string[]
    }),
  )
  const [first] = answers
  for (const answer of answers) t.strictSame(answer, first, 'all are told the same names')
  t.equal(new Set(first).size, 200)
  const { tmp, queue: waiting } = contentsOf(queue)
  t.strictSame(waiting, [...(first ?? [])].sort(), 'each item is there once')
  t.strictSame(tmp, [])
  const writers = new Set(waiting?.map((name) => name.split('_')[3]))
  t.comment(`enqueued by ${writers.size} of ${started.length} programs`)
  t.ok(writers.size > 1, 'it was a race')
})
