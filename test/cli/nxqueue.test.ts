import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Explanation, LaunchedJob, ReadyJob } from '../../lib/adapters/nxqueue/index.js'
import { explanationLines } from '../../lib/cli/nxqueue-text.js'
import { check, eventually, place, type Started } from '../helpers/cli.js'
import { natsServer, withoutNats } from '../helpers/nats.js'
import { smallInventory } from '../helpers/nxqueue.js'

/** A root with the queue `nxqueue` and an inventory for some servers. */
async function archive(t: Test, servers: readonly string[] = ['a']) {
  const it = await place(t)
  await it.root.install('nxqueue')
  const inventory = `${it.directory}/inventory.json`
  writeFileSync(inventory, JSON.stringify(smallInventory(servers)))
  return {
    ...it,
    inventory,
    nxqueue: (...words: string[]) => it.fsq(['nxqueue', ...words]),
    serve: (...words: string[]): Started => it.start(['nxqueue', 'serve', ...words]),
  }
}

t.test('fsq nxqueue says what an operator has to know of a mistake', async (t) => {
  const { nxqueue, fsq, inventory } = await archive(t)
  const mistakes: [words: string[], status: number, stderr: RegExp][] = [
    [['submit', 'burn'], 100, /Expected one of archive, restore, format, other, got "burn"/],
    [['submit', 'other', '-b', '10XB'], 100, /such as 512, 64K, 2.5TB or 1500GiB, got "10XB"/],
    [['submit', 'archive'], 111, /names neither a volume nor a group/],
    [['submit', 'other', '-p', '10'], 111, /priority is 10/],
    [['submit', 'other', '-d', '{'], 100, /Expected JSON/],
    [['submit', 'other', '-q', 'nosuch'], 111, /no such queue: nosuch/],
    [['status'], 111, /no inventory yet/],
    [['explain', 'x'], 111, /no inventory yet/],
    [['cancel', 'x', 'y'], 111, /no such job in nxqueue: x\n.*no such job in nxqueue: y/],
    [['run-again', 'x'], 111, /no such job/],
    [['release', 'x'], 111, /no such job/],
    [['server', 'disable', 'z'], 111, /no inventory yet/],
    [['serve', '-s', 'z', '-i', inventory], 111, /no server z in the inventory; it has a/],
    [['serve', '-s', 'a', '-i', '/nosuch'], 111, /nosuch/],
    [['serve', '-s', 'a', '--archive', ' '], 100, /--archive: the command is empty/],
  ]
  for (const [words, status, stderr] of mistakes)
    check(t, await nxqueue(...words), { status, stderr }, words.join(' '))
  check(t, await nxqueue('publish', inventory), {})
  check(t, await nxqueue('server', 'disable', 'z'), { status: 111, stderr: /it has a/ })
  check(t, await nxqueue('server', 'disable', '-v', 'a'), { stderr: /a: disabled/ })
  check(t, await nxqueue('submit', 'other', '--id', 'x'), { stdout: 'x\n' })
  check(t, await nxqueue('explain', 'x'), { stdout: /WaitServer/ })
  check(t, await nxqueue('plan'), { stdout: 'x waits: WaitServer\n' })
  check(t, await nxqueue('server', 'enable', 'a'), {})
  check(t, await fsq(['audit', 'nxqueue']), {})
})

t.test('fsq nxqueue explain says what a job that waits wants', async (t) => {
  const { nxqueue, inventory } = await archive(t)
  check(t, await nxqueue('publish', inventory), {})
  const wanted = ['-V', 'D', '-m', 'disk', '-s', 'a', '-b', '2.5TB', '-a', 'x', '-a', 'y']
  check(t, await nxqueue('submit', 'archive', '--id', 'j', ...wanted), { stdout: 'j\n' })
  check(t, await nxqueue('explain', 'j'), {
    stdout:
      /^j: ready .*\n {2}wants volume D, media disk, server a, room for 2.5 TB, to run after x y\n {2}Wait/,
  })
  check(t, await nxqueue('submit', 'other', '--id', 'k'), { stdout: 'k\n' })
  check(t, await nxqueue('explain', 'k'), { stdout: /^k: ready .*\n {2}WaitServer/ })
})

t.test('a job that waits for a time is told it as all times are', async (t) => {
  const at = Date.UTC(2026, 0, 1)
  const nothing = { group: undefined, volume: undefined, media: undefined, server: undefined }
  const job: ReadyJob = {
    ...nothing,
    ...{ jobID: 'j', item: '_j', priority: 5, bytes: 0, after: [] },
    ...{ kind: 'other', submitted: at, notBefore: at + 60_000 },
  }
  const reason = { code: 'WaitTime', text: '', isForPerson: false, concerns: undefined } as const
  t.strictSame(
    [...explanationLines({ state: 'ready', job, reasons: [reason] }, { utc: true })],
    [
      'j: ready since 2026-01-01T00:00:00Z, to other, priority 5',
      '  WaitTime: It is to wait until 2026-01-01T00:01:00Z.',
    ],
  )
})

t.test('who is to release a job is told which processes it had', async (t) => {
  const process = (pid: number) => ({ pid, boot: 'b', startTicks: 1 })
  const held: LaunchedJob = {
    state: 'held',
    ...{ item: '_j', jobID: 'j', server: 'a', launch: 'l', resources: [] },
    ...{ bytes: 0, epoch: 1, launched: 0 },
  }
  const lines = (run: object) => [
    ...explanationLines({ ...held, run: { service: process(7), began: 0, ...run } }, { utc: true }),
  ]
  const release = '  "fsq nxqueue release j" once it is certain that it does not run'
  t.strictSame(lines({ program: process(8) }).slice(1), [
    '  its program was process 8, its server process 7',
    release,
  ])
  t.strictSame(lines({}).slice(1), ['  its server was process 7', release])
})

t.test('of a job on another machine it is said where that may be', (t) => {
  const cases: [about: object, lines: string[]][] = [
    [{ master: 'a' }, ['j: waits on the machine of the master, a, or is on its way']],
    [{}, ['j: on its way between machines, or on one that does not serve']],
    [{ why: 'it was dirty' }, ['  failed before: it was dirty']],
    [{ cancel: true }, ['  it was cancelled, and ends there']],
    [
      { isCut: true },
      ['  its submission may have been cut: submit it again on the machine where that was'],
    ],
  ]
  for (const [about, lines] of cases) {
    const explanation: Explanation = { state: 'elsewhere', jobID: 'j', ...about }
    t.strictSame([...explanationLines(explanation, {})].slice(-1), lines)
  }
  t.end()
})

t.test('servers that share no files meet in NATS', { skip: withoutNats() }, async (t) => {
  const { url } = await natsServer(t)
  const machines = [await archive(t, ['a', 'b']), await archive(t, ['a', 'b'])] as const
  const [a, b] = machines.map(({ start, directory, inventory }, i) => {
    const name = i === 0 ? 'a' : 'b'
    const words = ['nxqueue', 'serve', '--nats', '-s', name, '-i', inventory, '--log', 'json']
    const work = ['--other', `echo $FSQ_JOB_ID >> ${directory}/did`]
    return { name, server: start([...words, ...work], { env: { NATS_URL: url } }) }
  })
  if (a === undefined || b === undefined) throw new Error('there are two')
  const until = ({ server }: typeof a, found: RegExp): Promise<void> =>
    eventually(() => found.test(server.output()))
  await until(a, /"type":"master"/)
  await until(a, /"type":"present","server":"b"/)
  const env = { NATS_URL: url }
  const submit = ['nxqueue', 'submit', '--nats', 'other', '--id']
  check(t, await machines[1].fsq([...submit, 'x', '-s', 'b'], { env }), { stdout: 'x\n' })
  await until(a, /"type":"launched","jobID":"x"/)
  await until(b, /"type":"done"/)
  check(t, await machines[1].fsq([...submit, 'y', '-s', 'a'], { env }), { stdout: 'y\n' })
  await until(a, /"type":"done"/)
  const status = await machines[1].fsq(['nxqueue', 'status', '--nats'], { env })
  check(t, status, {
    stdout: /^SERVER .*\na +present, master.*\nb +present.*\nJobs that wait on other/s,
  })
  const plan = await machines[1].fsq(['nxqueue', 'plan', '-n', '--nats'], { env })
  check(t, plan, { stdout: 'Jobs that wait on other machines are listed where the master is.\n' })
  check(t, await machines[0].fsq(['nxqueue', 'plan', '-n', '--nats'], { env }), { stdout: '' })
  check(t, await machines[0].fsq(['nxqueue', 'explain', '--nats', 'y'], { env }), {
    stdout: /^y: completed on a/,
  })
  for (const { server } of [b, a]) {
    server.kill('SIGTERM')
    const { status: code, stderr } = await server.ended
    t.equal(code, 0, stderr)
  }
})
