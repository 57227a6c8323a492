import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { FsqError } from '../../lib/errors.js'
import { openRemote, type Remote } from '../../lib/remote/remote.js'
import type { Queue } from '../../lib/root/queue.js'
import { check, eventually, place, startProgram } from '../helpers/cli.js'
import { type Exchange, record, replay } from '../helpers/recorded-server.js'
import { temporaryQueue } from '../helpers/temporary.js'

/*
 * Pushing to the original fsq, written in Python 2: to the very program where FSQ_REFERENCE names one
 * that has jsonrpclib; and always to a recording of what it answered, in test/fixtures, which
 * FSQ_RECORD=1 makes anew from it.
 */
const reference = process.env['FSQ_REFERENCE'] ?? ''
const fixture = new URL('../fixtures/reference-jsonrpcd.json', import.meta.url)

/** The texts that might be damaged on their way. */
const bodies: Readonly<Record<string, string>> = {
  empty: '',
  text: 'Dear Alice,\nyour Fsq\n',
  'line-ends': 'a\r\nb\rc\n\n',
  nul: 'a\0b',
  controls: Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join('') + '\x7f',
  quotes: '"\\/{}[]\u2028\u2029',
  unicode: 'é€😀\u{10ffff}',
  noncharacters: '\ufeff\ufffe\uffff\ufeff',
  jsonclass: '{"__jsonclass__": ["os.system", ["true"]]}',
}

const nameOf = (argument: string): string => `_20261121101500_0_4242_myhost_0_${argument}`

/** Items with names that are the same each time. */
async function source(t: Test): Promise<Queue> {
  const queue = await temporaryQueue(t)
  for (const [name, body] of Object.entries(bodies))
    writeFileSync(`${queue.path}/queue/${nameOf(name)}`, body)
  writeFileSync(`${queue.path}/queue/${nameOf('%2f%25ü')}`, 'x')
  writeFileSync(`${queue.path}/queue/${nameOf('binary')}`, Buffer.from([0xff]))
  return queue
}

/** All that we ever ask, in an order that a recording can follow; what came of it. */
async function converse(t: Test, remote: Remote): Promise<unknown[]> {
  const queue = await source(t)
  const results: unknown[] = []
  const ask = async (act: () => Promise<unknown>): Promise<void> => {
    results.push(
      await act().catch((error: unknown) => {
        if (!(error instanceof FsqError)) throw error
        return `${error.code} ${error.message.replace(/^.*?: /, '').replace(/\/\S*root/g, 'ROOT')}`
      }),
    )
  }
  const push = async (argument: string, target = 'theirs'): Promise<void> => {
    const item = await queue.claim(nameOf(argument))
    await ask(() => remote.push(item, target))
    item.close()
  }
  await ask(() => remote.methods())
  for (const name of Object.keys(bodies)) await push(name)
  await push('%2f%25ü')
  await push('text')
  await push('binary')
  await ask(() => remote.isDown('theirs'))
  await ask(() => remote.isDown('nosuch'))
  await ask(() => remote.triggerPull('theirs'))
  await ask(() => remote.triggerPull('theirs', { ignoreListener: true }))
  await ask(() => remote.triggerPull('nosuch'))
  await push('text', 'nosuch')
  return results
}

const methods = ['api_version', 'enqueue', 'is_down', 'system.listMethods', 'system.methodHelp']
const said = 'the remote says:'
const expected = [
  [...methods, 'system.methodSignature', 'trigger_pull'],
  ...Object.keys(bodies).map(nameOf),
  nameOf('%2f%25ü'),
  nameOf('text'),
  'FSQ_PUSH_REFUSED its body is no text in utf8, and the remote takes only text',
  false,
  `FSQ_REMOTE ${said} FSQConfigError: [Errno 2] no such queue: ROOT/nosuch`,
  `FSQ_REMOTE ${said} FSQTriggerPullError: [Errno 6] No listener for: ROOT/theirs/trigger-s`,
  undefined,
  `FSQ_REMOTE ${said} FSQConfigError: [Errno 2] no such queue: ROOT/nosuch`,
  'FSQ_PUSH the remote has no such queue; "fsq install" there makes it',
]

function opened(t: Test, address: string): Remote {
  const remote = openRemote(address, { timeout: 10 })
  t.teardown(() => {
    remote.close()
  })
  return remote
}

t.test('as it was recorded, the original takes what we push', async (t) => {
  const recording = JSON.parse(readFileSync(fixture, 'utf8')) as Exchange[]
  const { address, exchanges } = await replay(t, recording)
  t.strictSame(await converse(t, opened(t, address)), expected)
  t.equal(exchanges.length, recording.length, 'no request is missing')
})

/** Whether the original can be asked: it needs jsonrpclib, and Python 2 to go with it. */
async function cannotServe(): Promise<string | false> {
  if (!existsSync(reference))
    return 'FSQ_REFERENCE does not name a program that starts the Python fsq'
  const { stdout } = await startProgram(reference, ['jsonrpcd', '-h']).ended
  return stdout.includes('usage') ? false : 'the Python fsq has no jsonrpclib'
}

const skip = await cannotServe()

/** Starts the original's server; its port. */
async function serving(t: Test, env: Readonly<Record<string, string>>): Promise<number> {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  const words = ['jsonrpcd', '-w', '1', '127.0.0.1', String(port)]
  const server = startProgram(reference, words, { env, detached: true })
  t.teardown(async () => {
    // One that it respawned it does not end itself (B30).
    process.kill(-server.pid, 'SIGKILL')
    await server.exited
  })
  await eventually(() => server.errors().includes('starting'))
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  return port
}

t.test('the original takes what we push', { skip }, async (t) => {
  const here = await place(t)
  check(t, await startProgram(reference, ['install', '-t', 'theirs'], { env: here.env }).ended)
  const port = await serving(t, here.env)
  const { address, exchanges } = await record(t, port)
  t.strictSame(await converse(t, opened(t, address)), expected)
  const queue = here.root.queue('theirs')
  for (const [name, body] of Object.entries(bodies))
    t.equal(await (await queue.claim(nameOf(name))).text(), body, name)
  if (process.env['FSQ_RECORD'] !== '1') return
  const plain = exchanges.map((each) => withoutPlaces(each, here.root.settings.root))
  writeFileSync(fixture, `${JSON.stringify(plain, null, 2)}\n`)
})

/** The same exchange as on a machine where the root, and the program, are elsewhere. */
function withoutPlaces({ request, answer }: Exchange, root: string): Exchange {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const plain = body.replaceAll(root, '/var/fsq/root').replace(/"[^"]*\/fsq\//, '"/usr/lib/fsq/')
  const length = `Content-length: ${Buffer.byteLength(plain, 'latin1')}`
  return { request, answer: `${head.replace(/Content-length: .*/i, length)}\r\n\r\n${plain}` }
}

t.test('fsq push does as well, straight to it', { skip }, async (t) => {
  const here = await place(t)
  check(t, await startProgram(reference, ['install', 'theirs'], { env: here.env }).ended)
  const address = `http://127.0.0.1:${await serving(t, here.env)}/`
  const names: string[] = []
  for (let i = 0; i < 20; i++) names.push(await here.queue.enqueue(`body ${i}`, ['x']))
  check(t, await here.fsq(['push', '--all', '-j', '4', address, 'q', 'theirs', '-']))
  const theirs = here.root.queue('theirs')
  for (const [i, id] of names.entries()) {
    using item = await theirs.claim(id)
    t.equal(await item.text(), `body ${i}`)
  }
})
