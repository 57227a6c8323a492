import { writeFileSync } from 'node:fs'
import t from 'tap'
import { check, type Place, place, startProgram } from '../helpers/cli.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** Enqueues items that failed. */
async function failed({ queue }: Place, ...args: string[]): Promise<string[]> {
  return Promise.all(
    args.map(async (argument) => {
      const item = await queue.claim(await queue.enqueue('', [argument]))
      return (await item.failPerm()).id
    }),
  )
}

t.test(
  'requeue puts items back by name, from operands and stdin',
  { buffered: true },
  async (t) => {
    const here = await place(t)
    const [a = '', b = '', c = '', d = ''] = await failed(here, 'a', 'b', 'c\nc', 'd')
    check(t, await here.fsq(['requeue', 'q', '-v', a]), {
      stderr: `fsq requeue: requeued ${a}\nfsq requeue: q: 1 requeued\n`,
    })
    check(t, await here.fsq(['requeue', 'q', '-'], { input: `${b}\n` }))
    check(t, await here.fsq(['requeue', '-0', 'q', '-', d], { input: `${c}\0` }))
    t.strictSame(contentsOf(here.queue), { ...nothing, queue: [a, b, c, d].sort() })
  },
)

t.test('or by flags', { buffered: true }, async (t) => {
  const here = await place(t)
  const [a = '', b = '', c = ''] = await failed(here, 'a', 'b', 'c')
  const { fail } = here.queue.context.paths
  check(t, await here.fsq(['requeue', 'q', '--match', 'b', '--dry-run']), {
    stdout: `${fail}/${b}\n`,
  })
  check(t, await here.fsq(['requeue', 'q', '--older', '1h']))
  t.strictSame(contentsOf(here.queue), { ...nothing, fail: [a, b, c].sort() })
  check(t, await here.fsq(['requeue', 'q', '--match', 'b']))
  t.strictSame(contentsOf(here.queue), { ...nothing, fail: [a, c].sort(), queue: [b] })
  check(t, await here.fsq(['scan', 'q', 'true']))
  check(t, await here.fsq(['requeue', '--all', '--done', '--fresh', '-v', 'q']), {
    stderr: /^fsq requeue: requeued _\d+_\d+_\d+_.*_0_b, now _\d+_0_\d+_.*_0_b\n.*: 1 requeued\n$/,
  })
  check(t, await here.fsq(['requeue', '--all', '--durability=none', 'q']))
  t.equal(contentsOf(here.queue)['queue']?.length, 3)
})

t.test('--json prints an object a line', { buffered: true }, async (t) => {
  const here = await place(t)
  const [a = ''] = await failed(here, 'a')
  const { status, stdout, stderr } = await here.fsq(['requeue', '--json', 'q', a, 'nosuch'])
  t.strictSame({ status, stderr }, { status: 111, stderr: '' })
  const lines = stdout.trim().split('\n')
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { queue: 'q', from: 'fail', id: a, newId: a, outcome: 'requeued' },
      {
        queue: 'q',
        from: 'fail',
        id: 'nosuch',
        error: { code: 'FSQ_NO_ITEM', message: 'no such item in fail/ of q: nosuch' },
        outcome: 'left',
      },
    ],
  )
})

t.test('what cannot be requeued is told, and is 111', { buffered: true }, async (t) => {
  const here = await place(t)
  const [a = '', b = ''] = await failed(here, 'a', 'b')
  const { fail } = here.queue.context.paths
  lockedDescriptor(t, `${fail}/${a}`)
  writeFileSync(`${fail}/_mal\u001bformed`, '')
  check(t, await here.fsq(['requeue', '--all', 'q']), {
    status: 111,
    stderr: new RegExp(
      `^fsq requeue: somebody is working on item ${a}; it is locked\n` +
        'fsq requeue: not a work-item in fail/ of q: _mal\\\\x1bformed: .*; ' +
        'move it away; if it is a file, "fsq prune --fail" removes it as well\n$',
    ),
  })
  t.strictSame(contentsOf(here.queue)['queue'], [b])
  const table: readonly [words: string[], stderr: RegExp][] = [
    [['q', 'nosuch'], /^fsq requeue: no such item in fail\/ of q: nosuch\n$/],
    [['--done', 'q', b], /^fsq requeue: no such item in done\/ of q: _.*\n$/],
    [['q', '../queue/x'], /^fsq requeue: illegal item name: "..\/queue\/x"\n$/],
    [['nosuch', 'x'], /^fsq requeue: no such queue: nosuch /],
    [['--all', 'nosuch'], /^fsq requeue: no such queue: nosuch /],
  ]
  for (const [words, stderr] of table)
    check(t, await here.fsq(['requeue', ...words]), { status: 111, stderr }, words.join(' '))
})

t.test('-t wakes who listens', { buffered: true }, async (t) => {
  const here = await place(t)
  const ids = await failed(here, 'a', 'b')
  check(t, await here.fsq(['requeue', '-t', 'q', ids[0] ?? '']), {
    stderr: /^fsq requeue: requeued, but q has no trigger/,
  })
  await here.queue.trigger()
  const listener = startProgram('head', ['-c', '1', here.queue.context.paths.trigger])
  // Opening the FIFO for reading waits for who writes, which requeue does only once there is a reader.
  const done = await here.fsq(['requeue', '-t', '--all', 'q'])
  check(t, done)
  await here.fsq(['trigger-pull', '-i', 'q']) // In case that head(1) was slow to start.
  t.equal((await listener.ended).status, 0)
})
