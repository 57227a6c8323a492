import { writeFileSync } from 'node:fs'
import { jetstream } from '@nats-io/jetstream'
import { connect, nkeys } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import { openRoot } from '../../lib/root/root.js'
import type { Queue } from '../../lib/root/queue.js'
import { certificates, withoutOpenssl } from '../helpers/certificates.js'
import {
  check,
  type Ended,
  eventually,
  type Place,
  place,
  programOf,
  startProgram,
} from '../helpers/cli.js'
import { type NatsOptions, type NatsServer, natsServer, withoutNats } from '../helpers/nats.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 3

const skip = withoutNats()

/** A queue `q`, its namesake at another machine, and a server of NATS between them. */
interface Apart extends Place {
  readonly server: NatsServer
  /** The other queue. */
  readonly there: Queue
  /** The words of `fsq` at the other machine. */
  readonly at: (...words: string[]) => string[]
}

async function apart(t: Test, options: NatsOptions = {}): Promise<Apart> {
  const [here, server] = await Promise.all([place(t), natsServer(t, options)])
  const root = `${here.directory}/there`
  const there = await openRoot({ root }).install('q')
  const env = { NATS_URL: server.url }
  return {
    ...here,
    server,
    there,
    at: (...words) => ['-r', root, ...words],
    start: (words, more) => here.start(words, { ...more, env: { ...env, ...more?.env } }),
    fsq: (words, more) => here.fsq(words, { ...more, env: { ...env, ...more?.env } }),
  }
}

const everything = ['stream FSQ_WORK', 'stream FSQ_DEAD', 'bucket fsq_claims', 'bucket fsq_lease']
const steps = [...everything, 'bucket fsq_bodies', 'consumer q_any']
const lines = (action: string): string => steps.map((step) => `${action} ${step}\n`).join('')

t.test(
  'setup says what it would do, does it, and does it once',
  { skip, buffered: true },
  async (t) => {
    const { fsq } = await apart(t)
    const setup = (...words: string[]): Promise<Ended> => fsq(['nats', 'setup', ...words, 'q'])
    check(t, await setup('--dry-run'), { stdout: lines('would create') })
    check(t, await setup(), { stdout: lines('created') }, 'nothing was done before')
    check(t, await setup(), { stdout: lines('kept') })
    const { stdout } = await setup('-n', '--ack-wait', '60s', '--host', 'h1,h2', '--host', 'h3')
    const [, , , , , ...consumers] = stdout.trimEnd().split('\n')
    t.strictSame(consumers, [
      'would change consumer q_any: ack_wait: 30s -> 60s',
      ...['h1', 'h2', 'h3'].map((host) => `would create consumer q_${host}`),
    ])
    check(t, await setup('--stream', 'OTHER', '--replicas', '7'), {
      status: 100,
      stderr: /^fsq nats setup: .*`replicas`.* got 7\nusage: .*\n$/,
    })
    check(t, await setup('--claims-ttl', '1h'), {
      status: 111,
      stderr: /fsq nats setup: cannot use bucket fsq_claims: .* it is not weakened: .*\n$/,
    })
  },
)

t.test('items go from one machine to the other', { skip, buffered: true }, async (t) => {
  const { fsq, start, at, queue, there } = await apart(t)
  await fsq(['nats', 'setup', 'q'])
  const forward = start(['nats', 'forward', 'q'])
  const receive = start(at('nats', 'receive', '-v', 'q'))
  const ids = [
    await queue.enqueue('one', ['a b', 'ü']),
    await queue.enqueue(Buffer.alloc(100_000, 1), ['large']),
  ]
  await eventually(() => contentsOf(there)['queue']?.length === 2)
  t.strictSame(contentsOf(there), { ...nothing, queue: ids })
  t.equal(await (await there.claim(ids[0] ?? '')).text(), 'one')
  await eventually(() => contentsOf(queue)['done']?.length === 2)
  t.strictSame(contentsOf(queue), { ...nothing, done: ids })
  for (const each of [forward, receive]) each.kill('SIGTERM')
  check(t, await forward.ended, {}, 'without -v it says nothing')
  const said = (id: string): RegExp => new RegExp(`^fsq nats receive: q: ${id}: received$`, 'm')
  const { status, stderr } = await receive.ended
  t.equal(status, 0)
  for (const id of ids) t.match(stderr, said(id))
  t.match(stderr, /^fsq nats receive: q: 2 received, 0 there already, 0 dead, 0 returned$/m)
})

t.test('who listens to the trigger of the queue is woken', { skip, buffered: true }, async (t) => {
  const { fsq, start, at, queue, there } = await apart(t)
  await there.trigger()
  await fsq(['nats', 'setup', 'q'])
  const worker = start(at('work', '-v', '--sweep', '1h', 'q', '--', 'true'))
  await eventually(() => worker.errors().includes('no more work for now'))
  const receive = start(at('nats', 'receive', 'q'))
  const id = await queue.enqueue('')
  check(t, await fsq(['nats', 'drain', 'q']))
  await eventually(() => contentsOf(there)['done']?.length === 1)
  t.strictSame(contentsOf(there), { ...nothing, done: [id] })
  for (const each of [worker, receive]) each.kill('SIGTERM')
  check(t, await receive.ended)
  t.equal((await worker.ended).status, 0)
})

t.test('an outage is said once, and its end', { skip, buffered: true }, async (t) => {
  const { fsq, start, at, root, server, queue, there } = await apart(t)
  await root.install('r')
  await fsq(['nats', 'setup', 'q', 'r'])
  const forward = start(['nats', 'forward', 'q', 'r'])
  const receive = start(at('nats', 'receive', 'q'))
  const first = await queue.enqueue('')
  await eventually(() => contentsOf(there)['queue']?.length === 1)
  await server.kill()
  await eventually(() => forward.errors() !== '' && receive.errors() !== '')
  const second = await queue.enqueue('')
  await server.start()
  await eventually(() => contentsOf(there)['queue']?.length === 2)
  t.strictSame(contentsOf(there)['queue'], [first, second])
  await eventually(() => [forward, receive].every((each) => each.errors().includes('is back')))
  for (const [name, each] of Object.entries({ forward, receive })) {
    each.kill('SIGTERM')
    const stderr = new RegExp(
      `^fsq nats ${name}: .*; it is tried again until it is back\nfsq nats ${name}: NATS is back\n$`,
    )
    check(t, await each.ended, { stderr }, name)
  }
})

t.test('drain empties queues, and ends', { skip, buffered: true }, async (t) => {
  const { fsq, start, queue, root } = await apart(t)
  const unknown = await fsq(['nats', 'drain', 'q'])
  check(t, unknown, { status: 111, stderr: /^fsq nats drain: .*"fsq nats setup \S+" does that\n$/ })
  await fsq(['nats', 'setup', '--host', 'h', 'q'])
  await queue.installHost('h')
  const ids = [await queue.enqueue('one'), await queue.host('h').enqueue('two')]
  await queue.down()
  check(t, await fsq(['nats', 'drain', 'q']), { status: 111, stderr: /q is down/ })
  await queue.up()
  check(t, await fsq(['nats', 'drain', '-v', 'q', 'q/h']), {
    stderr: new RegExp(`^fsq nats drain: q/h: ${ids[1] ?? ''}: forwarded$`, 'm'),
  })
  const { status, stdout } = await fsq(['nats', 'status', '--json'])
  const { queues } = JSON.parse(stdout) as { queues: { targets: unknown }[] }
  t.strictSame(status, 0)
  t.match(queues[0]?.targets, [
    { target: 'any', waiting: 1 },
    { target: 'h', waiting: 1 },
  ])
  const id = await queue.enqueue('')
  const held = await queue.claim(id)
  const draining = start(['nats', 'drain', 'q'], { env: { NATS_URL: 'nats://127.0.0.1:1' } })
  await eventually(() => draining.errors().includes('it is tried again until it is back'))
  draining.kill('SIGTERM')
  t.equal((await draining.ended).status, 111, 'something is left')
  held.close()
  t.strictSame(contentsOf(root.queue('q')), { ...nothing, queue: [id], done: [ids[0]] })
})

t.test('status tells what waits, for whom', { skip, buffered: true }, async (t) => {
  const { fsq, queue } = await apart(t)
  await fsq(['nats', 'setup', '--host', 'h', 'q'])
  await queue.enqueue('12345')
  await fsq(['nats', 'drain', 'q'])
  const { status, stdout, stderr } = await fsq(['nats', 'status', 'q'])
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const [heading, all, any, host, empty, ...others] = stdout.trimEnd().split('\n')
  t.match(heading, /^QUEUE +ITEMS +OLDEST +WAITING +UNDER WAY +AGAIN +ASKING +DEAD +STREAM$/)
  t.match(all, /^q +1 +\ds +0 +FSQ_WORK$/)
  t.match(any, /^ {2}any +1 +0 +0 +0$/)
  t.match(host, /^ {2}h +0 +0 +0 +0$/)
  t.equal(empty, '')
  t.match(
    others.join('\n'),
    /^server {3}n1, version \d\S+\nclaims {3}0, .*\nbodies {3}0, .*\ndead {5}0$/,
  )
  const { oldest } = (
    JSON.parse((await fsq(['nats', 'status', '--json', '--utc'])).stdout) as {
      queues: [{ oldest: string }]
    }
  ).queues[0]
  t.match(oldest, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

t.test('dead letters are listed, and brought back', { skip, buffered: true }, async (t) => {
  const { fsq, start, at, queue, there } = await apart(t)
  await fsq(['nats', 'setup', 'q'])
  check(t, await fsq(['nats', 'dead', 'ls']))
  const large = await queue.enqueue('0123456789')
  await fsq(['nats', 'drain', 'q'])
  const strict = start(at('nats', 'receive', '--max-size', '5', 'q'))
  await eventually(() => strict.errors().includes(large))
  strict.kill('SIGTERM')
  t.equal((await strict.ended).status, 0)

  const table = await fsq(['nats', 'dead', 'ls', 'q'])
  t.match(table.stdout, /^SEQ +DIED +QUEUE +FOR +SENT +SIZE +NAME +REASON\n/)
  t.match(table.stdout, new RegExp(`^ *1 .* q +any +1 +10 +${large} +\\S`, 'm'))
  const json = await fsq(['nats', 'dead', 'ls', '--json', '--utc'])
  t.match(JSON.parse(json.stdout), { seq: 1, queue: 'q', id: large, at: /Z$/ })
  check(t, await fsq(['nats', 'dead', 'ls', 'other']))

  check(t, await fsq(['nats', 'dead', 'requeue', '-v', '1']), {
    stderr: `fsq nats dead requeue: 1: ${large}: published again\n`,
  })
  const receive = start(at('nats', 'receive', 'q'))
  await eventually(() => contentsOf(there)['queue']?.length === 1)
  t.strictSame(contentsOf(there), { ...nothing, queue: [large] })
  receive.kill('SIGTERM')
  check(t, await receive.ended)
  check(t, await fsq(['nats', 'dead', 'ls']), {}, 'it is no dead letter any more')
  const gone = await fsq(['nats', 'dead', 'requeue', '1'])
  t.equal(gone.status, 111)
})

t.test('what is no item is left, and removed', { skip, buffered: true }, async (t) => {
  const { fsq, start, at, server, queue } = await apart(t)
  await fsq(['nats', 'setup', 'q'])
  const connection = await connect({ servers: server.url })
  t.teardown(() => connection.close())
  await jetstream(connection).publish('fsq.work.q.any', 'body')
  const receive = start(at('nats', 'receive', 'q'))
  await eventually(() => receive.errors().includes('no Fsq-Id'))
  receive.kill('SIGTERM')
  t.equal((await receive.ended).status, 0)
  check(t, await fsq(['nats', 'dead', 'requeue', '--all']), {
    stderr:
      'fsq nats dead requeue: 1 that are no items are left; "fsq nats dead rm" removes them\n',
  })
  check(t, await fsq(['nats', 'dead', 'requeue', '1']), {
    status: 111,
    stderr: /^fsq nats dead requeue: dead letter 1 is no item, and cannot be sent again: .*\n$/,
  })
  check(t, await fsq(['nats', 'dead', 'rm', '--all', '--queue', 'other']))
  check(t, await fsq(['nats', 'dead', 'rm', '-v', '1']), {
    stderr: 'fsq nats dead rm: 1: no item: removed\n',
  })
  check(t, await fsq(['nats', 'dead', 'ls']))

  writeFileSync(`${queue.context.paths.queue}/_file`, '')
  check(t, await fsq(['nats', 'drain', 'q']), {
    status: 111,
    stderr: /^fsq nats drain: q: _file: the name has .*; failed permanently\n$/,
  })
})

t.test('who we are is told by files and variables', { skip, buffered: true }, async (t) => {
  const secret = 'open-sesame'
  const setup = ['nats', 'setup', 'q']
  const fine = { stdout: lines('created') }
  const denied = { status: 111, stderr: /^fsq nats setup: [^\n]*\n$/ }

  const withPassword = await apart(t, { authorization: { user: 'fsq', password: secret } })
  const { host } = new URL(withPassword.server.url)
  const anonymous = await withPassword.fsq(setup)
  check(t, anonymous, denied, 'nobody in particular')
  for (const env of [
    { NATS_USER: 'fsq', NATS_PASSWORD: `${secret}!` },
    { NATS_URL: `nats://fsq:${secret}%21@${host}` },
  ]) {
    const ended = await withPassword.fsq(setup, { env })
    check(t, ended, denied, 'a wrong password')
    t.notMatch(ended.stderr, secret, 'which is not shown')
  }
  const wrong = { NATS_URL: `nats://fsq:${secret}@${host}/x` }
  const noUrl =
    'NATS_URL: Expected URLs such as nats://HOST:4222 or tls://HOST, with commas between'
  const ended = await withPassword.fsq(setup, { env: wrong })
  check(t, ended, { status: 111, stderr: `fsq nats setup: ${noUrl}\n` })
  const inUrl = { NATS_URL: `nats://fsq:${secret}@${host}` }
  check(t, await withPassword.fsq(setup, { env: inUrl }), fine, 'in NATS_URL')
  const env = { NATS_PASSWORD: secret }
  const kept = { stdout: lines('kept') }
  check(t, await withPassword.fsq([...setup, '--user', 'fsq'], { env }), kept, 'in NATS_PASSWORD')

  const withToken = await apart(t, { authorization: { token: secret } })
  const file = `${withToken.directory}/token`
  writeFileSync(file, `${secret}\n`, { mode: 0o644 })
  check(t, await withToken.fsq([...setup, '--token-file', file]), {
    status: 111,
    stderr: `fsq nats setup: cannot use ${file}: others may read or write it (chmod o= would help)\n`,
  })
  check(t, await withToken.fsq(setup, { env: { NATS_TOKEN: secret } }), fine, 'NATS_TOKEN')
  writeFileSync(`${file}2`, `${secret}\n`, { mode: 0o600 })
  check(t, await withToken.fsq([...setup, '--token-file', `${file}2`]), kept, '--token-file')

  const user = nkeys.createUser()
  const withKey = await apart(t, { authorization: { users: [{ nkey: user.getPublicKey() }] } })
  const seed = `${withKey.directory}/seed`
  writeFileSync(seed, Buffer.concat([user.getSeed(), Buffer.from('\n')]), { mode: 0o600 })
  check(t, await withKey.fsq([...setup, '--nkey', seed]), fine, '--nkey')
  check(t, await withKey.fsq(setup, { env: { NATS_NKEY: seed } }), kept, 'NATS_NKEY')
  check(t, await withKey.fsq([...setup, '--creds', `${seed}.none`]), {
    status: 111,
    stderr: `fsq nats setup: cannot use ${seed}.none: no such file or directory\n`,
  })
})

t.test('a key that others may read is not used', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const [cert, key] = [`${directory}/client.pem`, `${directory}/client.key`]
  writeFileSync(cert, 'a certificate', { mode: 0o644 })
  writeFileSync(key, 'a key', { mode: 0o644 })
  const words = ['nats', 'status', 'q', '--tlscert', cert]
  const refused = {
    status: 111,
    stderr: `fsq nats status: cannot use ${key}: others may read or write it (chmod o= would help)\n`,
  }
  check(t, await fsq([...words, '--tlskey', key]), refused, '--tlskey')
  check(t, await fsq(words, { env: { NATS_KEY: key } }), refused, 'NATS_KEY')
})

const noTls = skip === false ? withoutOpenssl : skip
t.test('certificates are shown and looked at', { skip: noTls, buffered: true }, async (t) => {
  const files = certificates(t)
  const { fsq } = await apart(t, { certificates: files, verify: true })
  const own = { NATS_CERT: files.client.cert, NATS_KEY: files.client.key }
  const words = ['nats', 'setup', 'q']
  const { cert, key } = files.client
  const flags = ['--tlsca', files.ca, '--tlscert', cert, '--tlskey', key]
  check(t, await fsq([...words, ...flags]), { stdout: lines('created') })
  check(t, await fsq(words, { env: { ...own, NATS_CA: files.ca } }), { stdout: lines('kept') })
  const stranger = await fsq([...words, '--timeout', '1s'], { env: own })
  t.equal(stranger.status, 111, 'an authority that nobody trusts')
  t.equal((await fsq([...words, '--tlsca', files.ca, '--timeout', '1s'])).status, 111)
})

t.test('without the packages it says what to install', { buffered: true }, async (t) => {
  const { directory, env } = await place(t)
  const alone = programOf(directory, ['fsq.cjs', 'fsq-all.cjs'])
  const run = (...words: string[]): Promise<Ended> =>
    startProgram(process.execPath, [alone, ...words], { env }).ended
  for (const words of [
    ['status', 'q'],
    ['setup', 'q'],
    ['forward', 'q'],
    ['receive', 'q'],
  ])
    check(t, await run('nats', ...words), {
      status: 111,
      stderr: new RegExp(
        `^fsq nats ${words[0] ?? ''}: .*: npm install @nats-io/transport-node@~3\\.3\\.1 .*\n$`,
      ),
    })
  check(t, await run('ls'), { stdout: 'q\n' }, 'other commands do without')
})
