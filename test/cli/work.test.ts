import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  cannotBeNobody,
  check,
  eventually,
  nobody,
  type Place,
  place,
  type Started,
  startProgram,
} from '../helpers/cli.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** Starts a worker that tells its events as lines of JSON. */
function startWorker({ start }: Place, words: readonly string[]): Started {
  return start(['work', '--log', 'json', ...words])
}

/** The next event of that type. */
async function event(worker: Started, type: string): Promise<Record<string, unknown>> {
  for (;;) {
    const each = JSON.parse(await worker.line()) as Record<string, unknown>
    if (each['type'] === type) return each
  }
}

const buffered = { buffered: true }

t.test('items are worked on as they arrive, and a signal stops it', buffered, async (t) => {
  const here = await place(t)
  const { queue } = here
  const there = await queue.enqueue('a body', ['a b'])
  const worker = startWorker(here, ['q', '--', 'sh', '-c', 'test "$(cat)" = "a body"'])
  const claimed = await event(worker, 'claimed')
  t.match(claimed, { time: /^\d{4}-.*Z$/, queue: 'q', id: there, tries: 0, waited: Number })
  t.match(await event(worker, 'done'), { id: there, code: 0, outcome: { state: 'done' } })
  const wrong = await queue.enqueue('another')
  t.match(await event(worker, 'failed'), { id: wrong, code: 1, outcome: { state: 'fail' } })
  await event(worker, 'idle')
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
  t.strictSame(contentsOf(queue), { ...nothing, done: [there], fail: [wrong] })
})

t.test('a stop waits for programs, or ends them and leaves their items', buffered, async (t) => {
  const here = await place(t)
  const { queue } = here
  const id = await queue.enqueue('')
  const words = ['--drain', '0s', '--grace', '60s', 'q', '--', 'sh', '-c']
  const worker = startWorker(here, [...words, 'trap "" TERM; sleep 60 & wait; sleep 60'])
  await event(worker, 'claimed')
  worker.kill('SIGTERM') // It asks, the program does not listen.
  worker.kill('SIGINT') // Then it is ended at once.
  const ended = await worker.ended
  t.match(ended.status, /SIGTERM|SIGINT/, 'whichever came first')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  using item = await queue.claim(id)
  t.equal(item.tries, 0, 'nobody has the lock, and no try is spent')

  const other = await place(t)
  await other.queue.enqueue('')
  const patient = startWorker(other, ['--drain', '0s', 'q', '--', 'sleep', '60'])
  await event(patient, 'claimed')
  patient.kill('SIGTERM')
  t.equal((await patient.ended).status, 111, 'the status says that an item was left')
})

t.test('a program that hangs is ended in time, and its children too', buffered, async (t) => {
  const here = await place(t)
  const { queue, directory } = here
  await queue.enqueue('')
  const text = `trap "" TERM; sh -c 'trap "" TERM; echo $$ > ${directory}/pid; sleep 60; sleep 60' & wait; sleep 60`
  const words = ['-m', '2', '--timeout', '1s', '--grace', '1s', '--backoff', '1h', 'q', '--']
  const worker = startWorker(here, [...words, 'sh', '-c', text])
  const retried = await event(worker, 'retried')
  t.match(retried, { error: { code: 'FSQ_TIMEOUT' }, outcome: { notBefore: String } })
  const child = readFileSync(`${directory}/pid`, 'utf8').trim()
  t.notOk(lives(child), 'the child is dead')
  const [waiting = ''] = contentsOf(queue)['queue'] ?? []
  t.match(waiting, /_1$/, 'with one more try spent')
  using item = await queue.claim(waiting)
  t.ok(item, 'and nobody has it locked')
})

/** Whether a process is there and is no zombie. */
function lives(pid: string): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !readFileSync(path, 'utf8').includes(') Z ')
}

t.test(
  'a signal kills a program: its item fails, and work goes on, or not',
  buffered,
  async (t) => {
    for (const stop of [false, true]) {
      const here = await place(t)
      const { queue } = here
      const id = await queue.enqueue('', ['KILL'])
      const flags = stop ? ['--stop-on-signal'] : []
      const worker = startWorker(here, [...flags, 'q', '--', 'sh', '-c', 'kill -$1 $$', 'sh'])
      t.match(await event(worker, 'failed'), { id, error: { code: 'FSQ_PROGRAM_KILLED' } })
      if (!stop) {
        await queue.enqueue('', ['0'])
        await event(worker, 'done')
        worker.kill('SIGTERM')
      }
      const { status, stderr } = await worker.ended
      t.equal(status, stop ? 111 : 0)
      if (stop) t.match(stderr, /^fsq work: .*terminated by signal SIGKILL/)
    }
  },
)

t.test('what a failed program wrote is kept, and passed on', buffered, async (t) => {
  for (const command of ['scan', 'work'] as const) {
    const here = await place(t)
    const { queue, fsq, start } = here
    const { output } = queue.context.paths
    const id = await queue.enqueue('', ['100'])
    const good = await queue.enqueue('', ['0'])
    const program = ['sh', '-c', 'echo out; echo err >&2; exit $1', 'sh']
    if (command === 'scan') {
      const { stdout, stderr } = await fsq(['scan', '--keep-output', 'q', ...program])
      t.equal(stdout, 'out\nout\n')
      t.match(stderr, /^err\n/m)
    } else {
      const worker = start(['work', '-v', '--keep-output', 'q', '--', ...program])
      await eventually(() => contentsOf(queue)['done']?.includes(good) === true)
      worker.kill('SIGTERM')
      await worker.ended
    }
    t.strictSame(entriesOf(output), [id], command)
    t.match(readFileSync(`${output}/${id}`, 'utf8').split('\n').sort(), ['', 'err', 'out'])
  }
})

t.test('of much output the last 64 KiB are kept', buffered, async (t) => {
  const { queue, fsq } = await place(t)
  const id = await queue.enqueue('')
  const text = 'seq 1 100000; exit 1'
  const { stdout } = await fsq(['scan', '--keep-output', 'q', 'sh', '-c', text])
  const kept = readFileSync(`${queue.context.paths.output}/${id}`, 'utf8')
  t.equal(kept.length, 64 * 1024)
  t.ok(stdout.endsWith(kept))
})

t.test('scan runs so many programs at a time', buffered, async (t) => {
  const { queue, fsq, directory } = await place(t)
  for (const name of ['a', 'b', 'c']) await queue.enqueue('', [name])
  // Each waits until all three are there.
  const text = `touch ${directory}/$1
    while [ ! -e ${directory}/a ] || [ ! -e ${directory}/b ] || [ ! -e ${directory}/c ]
    do sleep 0.01; done`
  check(t, await fsq(['scan', '-j', '3', 'q', 'sh', '-c', text, 'sh'], { timeout: 30_000 }))
  t.equal(contentsOf(queue)['done']?.length, 3)
})

t.test('of one key only so many run at a time', buffered, async (t) => {
  const { queue, fsq, directory } = await place(t)
  for (const key of ['a', 'a', 'a', 'b', 'b', 'b']) await queue.enqueue('', [key])
  const text = `mkdir ${directory}/$1 || exit 100; sleep 0.05; rmdir ${directory}/$1`
  check(t, await fsq(['scan', '-j', '6', '--limit-by', '1:1', 'q', 'sh', '-c', text, 'sh']))
  t.equal(contentsOf(queue)['done']?.length, 6)
})

t.test('several queues are worked on, and --weight is for one of them', buffered, async (t) => {
  const here = await place(t)
  const other = await here.root.install('other')
  await here.queue.enqueue('')
  await other.enqueue('')
  const worker = startWorker(here, ['-w', 'other=3', 'q', 'other', '--', 'true'])
  const queues = [await event(worker, 'done'), await event(worker, 'done')].map((e) => e['queue'])
  t.strictSame(queues.sort(), ['other', 'q'])
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
})

t.test('messages about items of several queues name the queue', buffered, async (t) => {
  const here = await place(t)
  const other = await here.root.install('other')
  const id = await other.enqueue('')
  const worker = here.start(['work', 'q', 'other', '--', 'false'])
  await eventually(() => contentsOf(other)['fail']?.includes(id) === true)
  worker.kill('SIGTERM')
  const { stderr } = await worker.ended
  t.equal(stderr, `fsq work: other: ${id}: failed permanently\n`)
})

t.test(
  'a queue that is not ours to look at is a failure',
  { ...buffered, skip: await cannotBeNobody() },
  async (t) => {
    const here = await place(t)
    const ended = await here.fsq(['work', 'q', '--', 'true'], { uid: nobody })
    check(t, ended, {
      status: 111,
      stderr: new RegExp(`^fsq work: .*: permission denied \\(${here.queue.path}\\)\n$`, 's'),
    })
  },
)

const refusals: [what: string, words: string[], status: number, stderr: RegExp][] = [
  ['no queue', ['--', 'true'], 100, /too few arguments/],
  ['no program', ['q'], 100, /no program given behind --/],
  ['an empty program', ['q', '--', ''], 100, /the name of the program is empty/],
  ['a queue twice', ['q', 'q', '--', 'true'], 100, /q is given twice/],
  ['no such queue', ['none', '--', 'true'], 111, /no such queue: none/],
  ['no jobs', ['-j', '0', 'q', '--', 'true'], 100, /Expected a whole number from 1/],
  ['a bad duration', ['--timeout', '5', 'q', '--', 'true'], 100, /Expected a duration/],
  ['no sweep', ['--sweep', '0s', 'q', '--', 'true'], 100, /Expected 1s or more/],
  ['a bad sweep', ['--sweep', 'often', 'q', '--', 'true'], 100, /Expected a duration/],
  ['a bad backoff', ['--backoff', '1s,x', 'q', '--', 'true'], 100, /Expected a duration/],
  ['a bad limit', ['--limit-by', '0:1', 'q', '--', 'true'], 100, /Expected the number of an arg/],
  ['a bad weight', ['-w', 'q', 'q', '--', 'true'], 100, /Expected a queue and its weight/],
  ['a weight of another', ['-w', 'x=2', 'q', '--', 'true'], 100, /x is not one of the queues/],
  ['a bad format', ['--log', 'xml', 'q', '--', 'true'], 100, /Expected one of json, text/],
]

t.test('bad usage is refused before anything is done', buffered, async (t: Test) => {
  const { fsq } = await place(t)
  for (const [what, words, status, stderr] of refusals) {
    const ended = await fsq(['work', ...words])
    t.equal(ended.status, status, what)
    t.match(ended.stderr, stderr, what)
  }
})

t.test('a stop that reaches the program too leaves its item', buffered, async (t) => {
  const here = await place(t)
  const { queue, directory } = here
  const id = await queue.enqueue('')
  const text = `echo $$ > ${directory}/pid; exec sleep 60`
  const worker = startWorker(here, ['q', '--', 'sh', '-c', text])
  await eventually(() => existsSync(`${directory}/pid`) && readPid(`${directory}/pid`) > 0)
  process.kill(readPid(`${directory}/pid`), 'SIGTERM') // As systemd does with all processes of a unit at once.
  worker.kill('SIGTERM')
  t.match(await event(worker, 'left'), { id, error: { code: 'FSQ_STOPPED' } })
  t.equal((await worker.ended).status, 111)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('a program that is not there fails no item', buffered, async (t) => {
  const here = await place(t)
  const { queue, directory, fsq } = here
  const id = await queue.enqueue('')
  const text = `${directory}/text`
  writeFileSync(text, 'no program')
  const cases: [name: string, why: string][] = [
    ['no-such-program', 'there is no such program'],
    [`${directory}/missing`, 'there is no such program'],
    [text, 'it is not executable'],
  ]
  for (const [name, why] of cases) {
    const stderr = `fsq work: cannot run ${name}: ${why}\n`
    check(t, await fsq(['work', 'q', '--', name]), { status: 111, stderr })
  }
  const program = `${directory}/program`
  const install = (): void => {
    writeFileSync(program, '#!/bin/sh\nexit 0\n', { mode: 0o755 })
  }
  install()
  await queue.down()
  const worker = startWorker(here, ['--sweep', '1s', 'q', '--', program])
  await event(worker, 'down')
  rmSync(program)
  await queue.up()
  t.match(await event(worker, 'error'), {
    id,
    error: { code: 'FSQ_EXEC', message: /: cannot run .*\/program: no such file or directory$/ },
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  install()
  t.match(await event(worker, 'done'), { id })
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
})

t.test(
  'a program that ended in time is not too late for a worker that was',
  buffered,
  async (t) => {
    const here = await place(t)
    const { queue, directory } = here
    const id = await queue.enqueue('')
    const text = `touch ${directory}/begun; sleep 0.2`
    const worker = startWorker(here, ['--timeout', '3s', 'q', '--', 'sh', '-c', text])
    await eventually(() => existsSync(`${directory}/begun`))
    worker.kill('SIGSTOP')
    await setTimeout(3300) // Time itself is what it is about.
    worker.kill('SIGCONT')
    t.match(await event(worker, 'done'), { id })
    worker.kill('SIGTERM')
    await worker.ended
  },
)

t.test('a program goes on when nobody reads what it writes', buffered, async (t) => {
  const { queue, directory, env, script } = await place(t)
  const id = await queue.enqueue('')
  const work = script('work', `echo $$ > ${directory}/pid; exec fsq work --keep-output q -- "$@"`)
  const writer = script('writer', 'yes | head -c 3000000')
  const stopper = `while test ! -e ${queue.path}/done/${id}; do sleep 0.1; done; kill $(cat ${directory}/pid)`
  const line = `${work} ${writer} | head -c 1 & ${stopper}; wait`
  const { status, stdout } = await startProgram('/bin/sh', ['-c', line], { env }).ended
  t.match({ status, stdout }, { stdout: 'y' })
})

function readPid(path: string): number {
  return Number(readFileSync(path, 'utf8'))
}
