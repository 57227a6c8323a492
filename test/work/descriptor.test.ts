import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { check, eventually, place, startProgram } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

t.test(
  'stdin is the file of the item, from its start, read-only',
  { buffered: true },
  async (t) => {
    const { fsq, queue } = await place(t)
    const id = await queue.enqueue('a body\nof two lines')
    const look = [
      'readlink /proc/$$/fd/0',
      "sed -n 's/^flags:.*\\(.\\)$/\\1/p' /proc/$$/fdinfo/0", // The access mode: 0 is O_RDONLY.
      'cat',
    ].join('; ')
    check(t, await fsq(['scan', 'q', 'sh', '-c', look]), {
      stdout: `${queue.context.paths.queue}/${id}\n0\na body\nof two lines`,
    })
  },
)

t.test('no other descriptor reaches the program', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (let i = 0; i < 3; i++) await queue.enqueue('')
  const program = ['sh', '-c', 'cd /proc/$$/fd && echo *']
  // A shell has one more, to read the directory; and a test may itself have inherited some.
  const { stdout } = await startProgram('sh', program.slice(1)).ended
  t.match(stdout, /^0 1 2\b/)
  check(t, await fsq(['scan', 'q', ...program]), { stdout: stdout.repeat(3) })
})

/**
 * Leaves a process behind that holds the item as its stdin and our stdout, whose end tells that it
 * is gone: it gives up its descriptors in this order. sh would give /dev/null to what is in the
 * background, so the item is passed as 3.
 */
const leaveHolder = 'exec 3<&0; sleep 60 <&3 3<&- & echo "$$ $!"'

t.test('a child that outlives scan and program keeps the item', { buffered: true }, async (t) => {
  const { fsq, start, queue } = await place(t)
  const id = await queue.enqueue('body')
  const scan = start(['scan', 'q', 'sh', '-c', `${leaveHolder}; wait`])
  const [shell = 0, holder = 0] = (await scan.line()).split(' ').map(Number)
  t.teardown(() => {
    for (const pid of [shell, holder]) kill(pid)
  })
  scan.kill('SIGKILL')
  await scan.exited
  check(t, await fsq(['scan', 'q', 'echo', 'run']), {}, 'the program runs on')
  process.kill(shell, 'SIGKILL')
  for (const flags of [[], ['-n']])
    check(t, await fsq(['scan', ...flags, 'q', 'echo', 'run']), {}, 'its child runs on')
  check(t, await fsq(['done', 'q', id]), {
    status: 111,
    stderr: `fsq done: somebody is working on item ${id}; it is locked\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] }, 'the item waits, its tries unspent')

  process.kill(holder, 'SIGKILL')
  t.equal((await scan.ended).status, 'SIGKILL')
  check(t, await fsq(['scan', 'q', 'cat']), { stdout: 'body' }, 'with the last holder gone')
  t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
})

for (const flags of [[], ['--keep-output']]) {
  const what = ['a child that outlives a program that succeeded harms nothing', ...flags].join(' ')
  t.test(what, async (t) => {
    const { start, queue } = await place(t)
    const id = await queue.enqueue('body')
    const scan = start(['scan', ...flags, 'q', 'sh', '-c', leaveHolder])
    const [, holder = 0] = (await scan.line()).split(' ').map(Number)
    t.teardown(() => {
      kill(holder)
    })
    await scan.exited
    t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
    process.kill(holder, 'SIGKILL') // It runs on until then.
    t.equal((await scan.ended).status, 0)
  })
}

const skip = existsSync('/proc/self/fd') ? false : 'needs /proc, to count descriptors'

t.test('a worker keeps nothing of the children that programs leave', { skip }, async (t) => {
  const { start, queue } = await place(t)
  const worker = start(['work', '--keep-output', 'q', '--', 'sh', '-c', leaveHolder])
  t.teardown(() => {
    for (const line of worker.output().trim().split('\n')) kill(Number(line.split(' ')[1]))
  })
  const descriptors = (): number => readdirSync(`/proc/${worker.pid}/fd`).length
  const done = async (count: number): Promise<void> => {
    while ((contentsOf(queue)['queue']?.length ?? 0) < count) await queue.enqueue('')
    await eventually(() => contentsOf(queue)['queue']?.length === 0)
  }
  await done(1)
  const before = descriptors()
  await done(4)
  await eventually(() => descriptors() <= before, 10_000)
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
})

t.test('with -n too, a program that outlives scan keeps the item', async (t) => {
  const { fsq, start, queue } = await place(t)
  const id = await queue.enqueue('body')
  const scan = start(['scan', '-n', 'q', 'sh', '-c', 'echo $$; exec sleep 60'])
  const program = Number(await scan.line())
  t.teardown(() => {
    kill(program)
  })
  scan.kill('SIGKILL')
  await scan.exited
  check(t, await fsq(['scan', 'q', 'echo', 'run']))
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

function kill(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}
