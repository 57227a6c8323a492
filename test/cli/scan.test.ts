import t from 'tap'
import { check, place } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

t.test(
  '--limit runs the program for so many of the oldest items',
  { buffered: true },
  async (t) => {
    for (const [limit, count] of [
      ['1', 1],
      ['3', 3],
      ['4', 4],
      ['9', 4],
      ['0', 4],
    ] as const) {
      const { fsq, queue } = await place(t)
      const ids: string[] = []
      for (const argument of ['a', 'b', 'c', 'd']) ids.push(await queue.enqueue('', [argument]))
      const stdout = 'a\nb\nc\nd\n'.slice(0, 2 * count)
      check(t, await fsq(['scan', '--limit', limit, 'q', 'echo']), { stdout }, limit)
      // The names of one second are not in the order of enqueueing once there are ten of them.
      const [done, queued] = [ids.slice(0, count).sort(), ids.slice(count).sort()]
      const left = { ...nothing, done, queue: queued }
      t.strictSame(contentsOf(queue), left, limit)
    }
  },
)

t.test('a -- before the program is not its name', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await queue.enqueue('', ['--', 'a'])
  check(t, await fsq(['scan', 'q', '--', 'echo']), { stdout: '-- a\n' })
  check(t, await fsq(['scan', 'q', '--']), { status: 100, stderr: /no program given/ })
})

t.test('what failed counts for --limit', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const status of ['100', '111', '0']) await queue.enqueue('', [status])
  const scan = await fsq(['scan', '--limit=2', '-m9', 'q', 'sh', '-c', 'exit $1', 'sh'])
  check(t, scan, { stderr: /failed permanently\n.*failed temporarily\n$/ })
  const { queue: waiting, fail, done } = contentsOf(queue)
  t.strictSame([waiting?.length, fail?.length, done], [2, 1, []])
})

t.test('--limit is a whole number', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await queue.enqueue('')
  const before = contentsOf(queue)
  for (const limit of ['-1', '1.5', 'all', '']) {
    const { status, stdout, stderr } = await fsq(['scan', `--limit=${limit}`, 'q', 'echo', 'run'])
    t.strictSame([status, stdout], [100, ''], limit)
    t.match(
      stderr,
      `fsq scan: option '--limit <n>' argument '${limit}' is invalid. ` +
        `Expected a whole number, got "${limit}"\nusage: fsq scan `,
    )
  }
  t.strictSame(contentsOf(queue), before)
})
