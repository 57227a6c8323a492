import t from 'tap'
import { check, place } from '../helpers/cli.js'
import { contentsOf } from '../helpers/temporary.js'

t.jobs = 4

t.test('disperse spreads items, and says where they went', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const [r, s] = [await root.install('r'), await root.install('s', { hosts: ['h'] })]
  const ids: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) ids.push(await queue.enqueue('', [name]))
  const [a, b, c, d] = ids
  check(t, await fsq(['disperse', '-v', 'q', 'r', 's/h', '-n', '2']), {
    stderr:
      `fsq disperse: moved ${a} to r\nfsq disperse: moved ${b} to s/h\n` +
      'fsq disperse: r: 1 moved\nfsq disperse: s/h: 1 moved\nfsq disperse: q: 2 left\n',
  })
  check(t, await fsq(['disperse', '--max-depth', '1', 'q', 'r', 's/h']))
  const { status, stdout } = await fsq(['disperse', '--json', '--max-depth=2', 'q', 'r'])
  t.equal(status, 0)
  t.strictSame(JSON.parse(stdout), { queue: 'q', to: 'r', id: c, newId: c, outcome: 'moved' })
  check(t, await fsq(['disperse', '-t', 'q', 'r']), {
    stderr: /^fsq disperse: moved, but r has no /,
  })
  t.strictSame(contentsOf(r)['queue'], [a, c, d])
  t.strictSame(contentsOf(s)['queue'], [])
})

t.test('what is wrong is told, and is 111 or 100', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const r = await root.install('r')
  await queue.enqueue('')
  await (await root.install('o')).enqueue('', [], { ordered: true })
  const table: readonly [words: string[], status: number, stderr: RegExp][] = [
    [['q'], 100, /too few arguments/],
    [['q', 'q'], 100, /the queue q is given twice/],
    [['q', 'r', 'r'], 100, /the queue r is given twice/],
    [['q', 'r', '-n', 'x'], 100, /Expected a whole number, got "x"/],
    [['q', 'r', '--max-depth', '-1'], 100, /whole number/],
    [['o', 'q', 'r'], 111, /^fsq disperse: cannot disperse o, which is in order /],
    [['q', 'nosuch'], 111, /^fsq disperse: no such queue: nosuch /],
    [['nosuch', 'r'], 111, /^fsq disperse: no such queue: nosuch /],
    [['q', '../r'], 111, /illegal/],
  ]
  for (const [words, status, stderr] of table)
    check(t, await fsq(['disperse', ...words]), { status, stderr }, words.join(' '))
  await r.down()
  check(t, await fsq(['disperse', 'q', 'r']), { status: 111, stderr: 'fsq disperse: r is down\n' })
  await root.install('s')
  check(t, await fsq(['disperse', '-v', 'q', 'r', 's']), {
    stderr: /^fsq disperse: moved .* to s\nfsq disperse: s: 1 moved\nfsq disperse: r is down\n$/,
  })
  await queue.enqueue('')
  check(t, await fsq(['disperse', '-i', 'q', 'r']))
})
