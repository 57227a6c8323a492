import t from 'tap'
import { check, place, startProgram } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

t.test('mv moves items that are named or chosen', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const other = await root.install('r')
  const ids = await Promise.all(['a', 'b', 'c', 'd'].map((name) => queue.enqueue('', [name])))
  const [a = '', b = '', c = '', d = ''] = ids
  check(t, await fsq(['mv', '-v', 'q', 'r', a]), {
    stderr: `fsq mv: moved ${a}\nfsq mv: r: 1 moved\n`,
  })
  check(t, await fsq(['mv', 'q', 'r', '-'], { input: `${b}\n` }))
  check(t, await fsq(['mv', 'q', 'r', '--match=c', '--dry-run']), {
    stdout: `${queue.context.paths.queue}/${c}\n`,
  })
  check(t, await fsq(['mv', 'q', 'r', '--match=c', '-t']), {
    stderr: /^fsq mv: moved, but r has no trigger/,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [d] })
  const { status, stdout } = await fsq(['mv', '--all', '--json', 'q', 'r'])
  t.equal(status, 0)
  t.strictSame(JSON.parse(stdout), { queue: 'q', to: 'r', id: d, newId: d, outcome: 'moved' })
  t.strictSame(contentsOf(other), { ...nothing, queue: [a, b, c, d].sort() })
})

t.test('what cannot be moved is told, and is 111', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  await root.install('r')
  const ordered = await root.install('o')
  const number1 = await ordered.enqueue('', [], { ordered: true })
  const item = await queue.claim(await queue.enqueue(''))
  const locked = `fsq mv: somebody is working on item ${item.id}; it is locked\n`
  check(t, await fsq(['mv', '--all', 'q', 'r']), { status: 111, stderr: locked })
  check(t, await fsq(['mv', 'q', 'r', item.id]), { status: 111, stderr: locked })
  item.close()
  const table: readonly [words: string[], stderr: RegExp][] = [
    [['q', 'r', 'nosuch'], /^fsq mv: no such item in queue\/ of q: nosuch\n$/],
    [['q', 'nosuch', '--all'], /^fsq mv: no such queue: nosuch /],
    [['q', 'o', '--all'], /^fsq mv: cannot move items to o, which is in order /],
    [['o', 'q', '--all'], /^fsq mv: cannot move item _\S+ of o, .* wait for its number 1; /],
    [['nosuch', 'r', '--all'], /^fsq mv: no such queue: nosuch /],
  ]
  for (const [words, stderr] of table)
    check(t, await fsq(['mv', ...words]), { status: 111, stderr }, words.join(' '))
  t.strictSame(contentsOf(queue)['queue'], [item.id])
  t.strictSame(contentsOf(ordered)['queue'], [number1])
})

t.test('it ends although the names on stdin do not', { buffered: true }, async (t) => {
  const { queue, root, env } = await place(t)
  await root.install('r')
  for (const words of ['mv --json q r -', 'requeue --json r -']) {
    const line = `fsq ${words} >/dev/full`
    const started = startProgram('sh', ['-c', line], { env, input: { later: true } })
    started.write(`${await queue.enqueue('')}\n`)
    check(
      t,
      await started.ended,
      { status: 111, stderr: /^fsq [a-z]+: cannot write to stdout/ },
      line,
    )
  }
})
