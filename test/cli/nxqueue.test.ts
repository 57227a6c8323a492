import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
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
    [['submit', 'burn'], 100, /Expected one of archive, restore, format, other/],
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
  check(t, status, { stdout: /^SERVER .*\na +present, master.*\nb +present/ })
  check(t, await machines[0].fsq(['nxqueue', 'explain', '--nats', 'y'], { env }), {
    stdout: /^y: completed on a/,
  })
  for (const { server } of [b, a]) {
    server.kill('SIGTERM')
    const { status: code, stderr } = await server.ended
    t.equal(code, 0, stderr)
  }
})
