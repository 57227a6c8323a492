import t from 'tap'
import { check, place, startProgram } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

/* 100,000 items in one queue. Runs for one minute to some minutes. */
t.setTimeout(900_000)

const count = 100_000
const inFlight = 64

/** For a program, in milliseconds: beside other work it takes its time. */
const timeout = 300_000

t.test('a queue holds 100,000 items', async (t) => {
  const { env, queue } = await place(t)
  let began = performance.now()
  const lap = (what: string, items = count): void => {
    const seconds = (performance.now() - began) / 1000
    t.comment(`${what}: ${seconds.toFixed(1)} s, ${Math.round(items / seconds)} items a second`)
    began = performance.now()
  }

  let left = count
  const enqueue = async (): Promise<void> => {
    while (left-- > 0) await queue.enqueue('body', ['argument'])
  }
  await Promise.all(Array.from({ length: inFlight }, enqueue))
  lap(`enqueue, durably, ${inFlight} in flight`)

  const ls = await startProgram('sh', ['-c', 'fsq ls q | wc -l'], { env }).ended
  check(t, ls, { stdout: `${count}\n` })
  lap('fsq ls')

  const sorted = await startProgram('sh', ['-c', 'fsq ls --json q | tail -n 1'], { env }).ended
  t.match(sorted.stdout, '"arguments":["argument"]')
  lap('fsq ls --json')

  const seen = new Set<string>()
  const finishing = new Set<Promise<unknown>>()
  for await (const item of queue.scan()) {
    seen.add(item.id)
    const done = item.done()
    finishing.add(done)
    void done.finally(() => finishing.delete(done))
    if (finishing.size >= inFlight) await Promise.race(finishing)
  }
  await Promise.all(finishing)
  lap(`scan and done, ${inFlight} in flight`)
  t.equal(seen.size, count, 'each was scanned once')
  const { done, ...others } = contentsOf(queue)
  t.strictSame(others, { tmp: [], queue: [], fail: nothing.fail })
  t.equal(done?.length, count)

  const pruned = await startProgram('sh', ['-c', 'fsq prune -v --older 0s q'], { env, timeout })
    .ended
  check(t, pruned, { stderr: /removed\n$/ })
  lap('fsq prune')
  t.strictSame(contentsOf(queue), nothing)
})
