import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { eventually, place } from '../helpers/cli.js'
import { contentsOf } from '../helpers/temporary.js'

/** Whether a process is there and no zombie. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  if (!existsSync(path)) return false
  return !/^\d+ \(.*\) Z/.test(readFileSync(path, 'utf8'))
}

const skip = existsSync('/proc/self/stat') ? false : 'needs /proc, to see which processes are there'

for (const [what, deaf] of [
  ['a program that hangs', ''],
  ['one that does not listen, either', 'trap "" TERM;'],
] as const) {
  t.test(`${what} is ended on time, and what it started with it`, { skip }, async (t) => {
    const { start, queue, directory, script } = await place(t)
    const id = await queue.enqueue('')
    const pids = `${directory}/pids`
    const hang = script('hang', `${deaf} sleep 1000 & echo $$ $! >${pids}; wait; sleep 1000`)
    const flags = ['--timeout', '1s', '--grace', '1s', '--backoff', '1h', '-m', '9']
    const began = performance.now()
    const worker = start(['work', ...flags, 'q', '--', hang])
    await eventually(() => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'))
    const all = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
    t.equal(all.length, 2)
    await eventually(() => contentsOf(queue)['queue']?.[0] !== id)
    const seconds = (performance.now() - began) / 1000
    t.ok(seconds >= (deaf === '' ? 1 : 2), `not before its time: ${seconds} s`)
    t.ok(seconds < 30, `nor long behind it: ${seconds} s`)
    t.strictSame(all.filter(isAlive), [], 'nothing of it is left')
    const [retried = ''] = contentsOf(queue)['queue'] ?? []
    t.match(retried, /_1$/, 'it is to be tried again')
    worker.kill('SIGTERM')
    t.equal((await worker.ended).status, 0)
  })
}

t.test('what a program started may end in order when it is too late', { skip }, async (t) => {
  const { start, queue, directory, script } = await place(t)
  const id = await queue.enqueue('')
  const over = `${directory}/over`
  // The shell dies of the signal, and its child a while later.
  const child = `trap 'sleep 1; echo late && touch ${over}; exit' TERM; while :; do sleep 0.1; done`
  const flags = ['--keep-output', '--timeout', '1s', '--grace', '30s', '--backoff', '1h', '-m', '9']
  const worker = start(['work', ...flags, 'q', '--', script('slow', `(${child}) & wait`)])
  await eventually(() => contentsOf(queue)['queue']?.[0] !== id)
  const [retried = ''] = contentsOf(queue)['queue'] ?? []
  t.ok(existsSync(over), 'it could write to its end')
  const kept = `${queue.context.paths.output}/${retried}`
  await eventually(() => existsSync(kept))
  t.match(readFileSync(kept, 'utf8'), /late\n$/)
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
})
