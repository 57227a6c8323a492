import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { check, place, startProgram } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

t.test('done, fail and retry move items by name', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const ids = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => queue.enqueue('', [name])))
  const [a = '', b = '', c = '', d = '', e = ''] = ids
  const once = (id: string): string => id.replace(/_0_(.)$/, '_1_$1')
  check(t, await fsq(['done', 'q', a]))
  check(t, await fsq(['fail', '-v', 'q', b]), { stderr: `fsq fail: ${b}: failed permanently\n` })
  check(t, await fsq(['retry', '-v', '-m', '3', 'q', c]), {
    stderr: `fsq retry: ${c}: failed temporarily, now ${once(c)}\n`,
  })
  check(t, await fsq(['fail', '--tmp', '--max-tries=3', 'q', d]))
  check(t, await fsq(['retry', 'q', e]), {
    stderr: `fsq retry: Max tries exceeded: 1 (1) for item ${e}; failed permanently\n`,
  })
  t.strictSame(contentsOf(queue), {
    ...nothing,
    done: [a],
    queue: [once(c), once(d)].sort(),
    fail: [b, e].sort(),
  })
  const old = await queue.enqueue('', [], { enqueuedAt: new Date(Date.now() - 100_000) })
  check(t, await fsq(['retry', '-m', '0', '-t', '50', 'q', old]), {
    stderr: `fsq retry: TTL expired: 50 for item ${old}; failed permanently\n`,
  })
  const older = await queue.enqueue('', [], { enqueuedAt: new Date(Date.now() - 100_000) })
  check(t, await fsq(['retry', '-m', '0', '-t', '1m', 'q', older]), {
    stderr: `fsq retry: TTL expired: 60 for item ${older}; failed permanently\n`,
  })
  check(t, await fsq(['done', '-v', 'q', once(c)]), { stderr: `fsq done: ${once(c)}: succeeded\n` })
})

t.test(
  '- reads names from stdin, with -0 those that end with NUL',
  { buffered: true },
  async (t) => {
    const { fsq, queue } = await place(t)
    const add = (): Promise<string[]> =>
      Promise.all(['1', '2', 'a\nb', '3'].map((name) => queue.enqueue('', [name])))
    const first = await add()
    check(t, await fsq(['done', '-0', 'q', '-'], { input: first.join('\0') }))
    t.strictSame(contentsOf(queue), { ...nothing, done: [...first].sort() })

    const [one = '', two = '', lines = '', three = ''] = await add()
    const input = `${two}\n\n${three}` // An empty line, and no line break at the end.
    check(t, await fsq(['fail', 'q', one, '-', lines], { input }))
    t.strictSame(contentsOf(queue)['fail'], [one, two, lines, three].sort())
  },
)

t.test('fsq ls can be piped into them', { buffered: true }, async (t) => {
  for (const [charset, pipe] of [
    ['utf8', 'fsq ls q | fsq done q -'],
    ['utf8', 'fsq ls -0 q | fsq done -0 q -'],
  ] as const) {
    const { env, queue } = await place(t)
    const names = ['plain', 'two words', 'ünï', "it's", '', '%_/']
    if (pipe.includes('-0')) names.push('li\nne')
    const ids = await Promise.all(names.map((name) => queue.enqueue('', [name])))
    const ended = await startProgram('sh', ['-c', pipe], { env: { ...env, FSQ_CHARSET: charset } })
      .ended
    check(t, ended, {}, pipe)
    t.strictSame(contentsOf(queue), { ...nothing, done: ids.sort() })
  }
})

t.test('a -- behind the queue is no item', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const [a = '', b = '', c = '', d = ''] = await Promise.all(
    [1, 2, 3, 4].map(() => queue.enqueue('', [], { delimiter: '-' })),
  )
  check(t, await fsq(['done', 'q', '--', a]))
  check(t, await fsq(['fail', '--', 'q', '--', b]))
  check(t, await fsq(['retry', '-m0', 'q', '--', c]))
  check(t, await fsq(['path', 'q', '--', d]), { stdout: `${queue.path}/queue/${d}\n` })
  const { done, fail, queue: waiting } = contentsOf(queue)
  t.strictSame([done, fail, waiting?.length], [[a], [b], 2])
  for (const command of ['done', 'fail', 'retry'])
    check(t, await fsq([command, 'q', '--']), { status: 100, stderr: /too few arguments/ })
})

t.test(
  'an item that somebody works on is refused, the others not',
  { buffered: true },
  async (t) => {
    const { fsq, queue } = await place(t)
    const [a = '', b = '', c = ''] = await Promise.all([1, 2, 3].map(() => queue.enqueue('')))
    const item = await queue.claim(b)
    const locked = `somebody is working on item ${b}; it is locked\n`
    check(t, await fsq(['done', 'q', a, b, 'nosuch', '../../x', c]), {
      status: 111,
      stderr: [locked, 'no such item in the queue q: nosuch\n', 'illegal item name: "../../x"\n']
        .map((line) => `fsq done: ${line}`)
        .join(''),
    })
    check(t, await fsq(['fail', 'q', b]), { status: 111, stderr: `fsq fail: ${locked}` })
    check(t, await fsq(['retry', 'q', b]), { status: 111, stderr: `fsq retry: ${locked}` })
    t.strictSame(contentsOf(queue), { ...nothing, queue: [b], done: [a, c].sort() })
    item.close()
    check(t, await fsq(['done', 'q', b]))
  },
)

t.test('what is no work-item, or no queue, is refused', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  mkdirSync(`${paths.queue}/directory`)
  writeFileSync(`${paths.queue}/_file`, '')
  for (const command of ['done', 'fail', 'retry']) {
    const ended = await fsq([command, 'q', 'directory', '_file'])
    check(t, ended, {
      status: 111,
      stderr: /directory: .*\n.*not a work-item in queue\/ of q: _file: .*\n$/,
    })
    const missing = await fsq([command, 'nosuch', 'item'])
    check(t, missing, { status: 111, stderr: /: no such queue: nosuch / })
  }
  t.strictSame(contentsOf(queue), { ...nothing, queue: ['_file', 'directory'] })
})
