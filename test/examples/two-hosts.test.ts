import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openRoot } from '../../lib/root/root.js'
import { check, eventually, type Place, place, type Started, startProgram } from '../helpers/cli.js'
import { freePorts } from '../helpers/ports.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

const script = (name: string): string =>
  fileURLToPath(new URL(`../../examples/two-hosts/${name}`, import.meta.url))

/** Runs a part of the example with a root of its own, until the test ends. */
function part(t: Test, { env, directory }: Place, host: string, words: string[]): Started {
  const started = startProgram('sh', words, { env: { ...env, FSQ_ROOT: `${directory}/${host}` } })
  t.teardown(async () => {
    started.kill('SIGTERM')
    await started.ended
  })
  return started
}

t.test('what is enqueued at one host is worked on at the other', async (t) => {
  const { env } = await place(t)
  const options = { env: { ...env, PORT: String(await freePorts(1)) } }
  const { status, stdout, stderr } = await startProgram(
    'sh',
    [script('two-hosts.sh'), 'alice', 'bob smith'],
    options,
  ).ended
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const lines = stdout.trim().split('\n').sort()
  t.strictSame(lines, ['alice: for alice', 'bob smith: for bob smith'])
})

t.test('it ends where one of the hosts cannot begin, and says why', async (t) => {
  const { env } = await place(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const words = [script('two-hosts.sh'), 'alice']
  const options = { env: { ...env, PORT: String(port), TMPDIR: t.testdir() } }
  const { status, stderr } = await startProgram('sh', words, options).ended
  t.match({ status, stderr }, { status: 1, stderr: /cannot listen/ })
  t.strictSame(entriesOf(options.env.TMPDIR), [], 'nothing is left')
})

t.test('what is enqueued while the other is away is worked on when it is back', async (t) => {
  const here = await place(t)
  const { directory, env } = here
  const port = String(await freePorts(1))
  const [tokens, out] = [`${directory}/tokens`, `${directory}/out`]
  writeFileSync(tokens, 'a-token-of-some-length mail\n', { mode: 0o600 })
  const url = `http://127.0.0.1:${port}/`
  const sender = part(t, here, 'sender', [script('sender.sh'), url, tokens])
  const host = openRoot({ root: `${directory}/sender` })
    .queue('mail')
    .host('there')
  await eventually(() => existsSync(host.context.paths.queue))
  const environment = { env: { ...env, FSQ_ROOT: `${directory}/sender` } }
  const enqueue = ['enqueue', '-e', '--host', 'there', 'mail', 'alice']
  const ended = await startProgram('fsq', enqueue, environment).ended
  check(t, ended)
  await eventually(() => sender.errors().includes('it is tried again until it is back'))
  const words = [script('receiver.sh'), '127.0.0.1', port, tokens]
  const receiver = part(t, here, 'receiver', [...words, 'sh', '-c', `echo "$1" >> ${out}`, 'sh'])
  await eventually(() => contentsOf(host)['done']?.length === 1)
  const there = openRoot({ root: `${directory}/receiver` }).queue('mail')
  await eventually(() => contentsOf(there)['done']?.length === 1)
  t.strictSame(contentsOf(there), { ...nothing, done: contentsOf(host)['done'] })
  receiver.kill('SIGTERM')
  t.equal((await receiver.ended).status, 0)
  sender.kill('SIGTERM')
  t.match(await sender.ended, { status: 0, stderr: new RegExp(`${url} is back\n$`) })
})
