import { readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { certificates, withoutOpenssl } from '../helpers/certificates.js'
import { check, type Place, place } from '../helpers/cli.js'
import {
  httpServer,
  type Received,
  type Reply,
  rpc,
  type TestServer,
} from '../helpers/http-server.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** A queue `q` and a remote that takes items, unless `first` answers before. */
async function two(
  t: Test,
  first: (received: Received) => Reply | undefined = () => undefined,
): Promise<Place & TestServer> {
  const taking = rpc({ enqueue: ([id]: [string]) => id, trigger_pull: () => true })
  const server = await httpServer(t, (received) => first(received) ?? taking(received))
  return { ...(await place(t)), ...server }
}

/** The calls that the remote got, but the question what it can. */
function calls(received: readonly Received[]): unknown[] {
  return received
    .map(({ json: { method, params } }) => ({ method, params }))
    .filter(({ method }) => method !== 'system.listMethods')
}

function sending(received: Received, id?: string): boolean {
  const { method, params } = received.json
  return method === 'enqueue' && (id === undefined || (params as string[])[0] === id)
}

t.test('items are pushed by their names, and are done', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  const [first, second, third] = [
    await queue.enqueue('one', ['a b']),
    await queue.enqueue('two'),
    await queue.enqueue('three'),
  ]
  const ended = await fsq(['push', '-v', address, 'q', 'mail', '-', first, second])
  const said = [first, second].map((id) => `fsq push: ${id}: pushed to mail at ${address}\n`)
  check(t, ended, { stderr: said.join('') })
  t.strictSame(calls(received), [
    { method: 'enqueue', params: [first, 'mail', 'one'] },
    { method: 'enqueue', params: [second, 'mail', 'two'] },
  ])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [third], done: [first, second].sort() })
})

t.test('those of a host queue, as the Python fsq has it', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  await queue.installHost('there')
  const host = queue.host('there')
  const id = await host.enqueue('one')
  check(t, await fsq(['push', '-p', 'jsonrpc', address, 'q', 'mail', 'there', id]))
  t.strictSame(calls(received), [{ method: 'enqueue', params: [id, 'mail', 'one'] }])
  t.strictSame(contentsOf(host), { ...nothing, done: [id] })
})

t.test('with -D they stay, with -L they are not locked', { buffered: true }, async (t) => {
  const { fsq, queue, address } = await two(t)
  const id = await queue.enqueue('one')
  lockedDescriptor(t, `${queue.path}/queue/${id}`)
  const locked = await fsq(['push', '-D', address, 'q', 'mail', '-', id])
  check(t, locked, { status: 111, stderr: /somebody is working on item/ })
  check(t, await fsq(['push', '-DL', address, 'q', 'mail', '-', id]))
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('names are read from stdin', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  const names = [await queue.enqueue(''), await queue.enqueue('')]
  const words = ['push', address, 'q', 'mail', '-', '-']
  check(t, await fsq(words, { input: names.join('\n') }))
  t.equal(calls(received).length, 2)
  const more = [await queue.enqueue(''), await queue.enqueue('')]
  check(t, await fsq([...words, '-0'], { input: more.join('\0') }))
  t.equal(contentsOf(queue)['done']?.length, 4)
})

t.test('-t pulls the trigger once afterwards', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  const names = [await queue.enqueue(''), await queue.enqueue('')]
  check(t, await fsq(['push', '-ti', address, 'q', 'mail', '-', ...names]))
  t.strictSame(calls(received).at(-1), {
    method: 'trigger_pull',
    params: { queue: 'mail', ignore_listener: true },
  })
  t.equal(calls(received).length, 3)
  await queue.enqueue('')
  check(t, await fsq(['push', '--all', '-t', address, 'q', 'mail', '-']))
  t.match(calls(received).at(-1), { params: { ignore_listener: false } })
})

t.test(
  'a trigger that nobody listens to is an error, and the item is done',
  { buffered: true },
  async (t) => {
    const { fsq, queue, address } = await two(t, ({ json: { id, method } }) => {
      if (method !== 'trigger_pull') return undefined
      return { body: { id, error: { code: -32603, message: 'nobody listens' } } }
    })
    const stderr = `fsq push: cannot pull the trigger of mail at ${address}: the remote says: nobody listens\n`
    const id = await queue.enqueue('')
    check(t, await fsq(['push', '-t', address, 'q', 'mail', '-', id]), { status: 111, stderr })
    await queue.enqueue('')
    check(t, await fsq(['push', '-t', '--all', address, 'q', 'mail', '-']), { status: 111, stderr })
    t.equal(contentsOf(queue)['done']?.length, 2)
  },
)

t.test('one that is refused does not keep the others', { buffered: true }, async (t) => {
  const { fsq, queue, address } = await two(t)
  const bad = await queue.enqueue(Buffer.from([0xff]))
  const good = await queue.enqueue('text')
  const ended = await fsq(['push', address, 'q', 'mail', '-', bad, 'nonsense', good])
  check(t, ended, {
    status: 111,
    stderr: new RegExp(
      `^fsq push: cannot push ${bad} to mail at ${address}: its body is no text in utf8.*\n` +
        'fsq push: no such item in the queue q: nonsense\n$',
    ),
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [bad], done: [good] })
})

t.test('of a remote that is away one item is tried', { buffered: true }, async (t) => {
  const { fsq, queue, address, close } = await two(t)
  await close()
  const names = [await queue.enqueue(''), await queue.enqueue('')]
  const ended = await fsq(['push', '-t', address, 'q', 'mail', '-', ...names])
  check(t, ended, {
    status: 111,
    stderr:
      `fsq push: cannot push ${names[0] ?? ''} to mail at ${address}: nobody listens there; ` +
      `is fsq jsonrpcd running?\nfsq push: ${names[1] ?? ''}: not tried, for the same reason\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [...names].sort() })
})

t.test('--all pushes all of them', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  const names: string[] = []
  for (let i = 0; i < 5; i++) names.push(await queue.enqueue(`body ${i}`))
  const ended = await fsq(['push', '--all', '-j', '3', '-v', address, 'q', 'mail', '-'])
  check(t, ended, {
    stderr: /fsq push: nothing left to push\nfsq push: 5 pushed, 0 refused, 0 left\n$/,
  })
  t.equal(calls(received).length, 5)
  t.strictSame(contentsOf(queue), { ...nothing, done: names.sort() })
})

t.test('--all waits while the remote is away, and says so once', { buffered: true }, async (t) => {
  let failures = 2
  const { fsq, queue, address } = await two(t, (received) =>
    sending(received) && failures-- > 0 ? { status: 503, body: '' } : undefined,
  )
  const names = [await queue.enqueue('one'), await queue.enqueue('two')]
  const ended = await fsq(['push', '--all', address, 'q', 'mail', '-'])
  check(t, ended, {
    stderr:
      `fsq push: cannot push ${names[0] ?? ''} to mail at ${address}: it answers with the HTTP ` +
      `status 503; it is tried again until it is back\nfsq push: ${address} is back\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, done: names.sort() })
})

t.test('--all moves what is refused to fail/, and goes on', { buffered: true }, async (t) => {
  const { fsq, queue, address } = await two(t)
  const bad = await queue.enqueue(Buffer.from([0xff]))
  const good = await queue.enqueue('text')
  check(t, await fsq(['push', '--all', address, 'q', 'mail', '-']), {
    status: 111,
    stderr: new RegExp(
      `^fsq push: cannot push ${bad} .* takes only text\nfsq push: ${bad}: failed permanently\n$`,
    ),
  })
  t.strictSame(contentsOf(queue), { ...nothing, done: [good], fail: [bad] })
})

t.test('--all ends at once where the remote does not let us', { buffered: true }, async (t) => {
  const { fsq, queue, address } = await two(t, () => ({ status: 401, body: '' }))
  const id = await queue.enqueue('')
  for (const words of [['--all'], ['--all', '--follow', '-j', '4']]) {
    check(t, await fsq(['push', ...words, address, 'q', 'mail', '-']), {
      status: 111,
      stderr: `fsq push: cannot push ${id} to mail at ${address}: the remote wants a token, or another (--token-file)\n`,
    })
  }
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('a host queue that is down is not pushed by --all', { buffered: true }, async (t) => {
  const { fsq, queue, address, received } = await two(t)
  await queue.installHost('h')
  await queue.host('h').enqueue('')
  await queue.downHost('h')
  const words = ['push', '--all', address, 'q', 'mail', 'h']
  check(t, await fsq(words), { status: 111, stderr: 'fsq push: q/h is down\n' })
  await queue.upHost('h')
  await queue.down()
  check(t, await fsq(words), { status: 111, stderr: 'fsq push: q/h is down\n' })
  t.strictSame(received, [])
})

t.test('--follow goes on until a signal', { buffered: true }, async (t) => {
  const { start, queue, address, received } = await two(t)
  const first = await queue.enqueue('')
  const pusher = start(['push', '--all', '--follow', '-v', address, 'q', 'mail', '-'])
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await until(() => contentsOf(queue)['done']?.length === 1)
  const second = await queue.enqueue('')
  await until(() => contentsOf(queue)['done']?.length === 2)
  pusher.kill('SIGTERM')
  const { status, stderr } = await pusher.ended
  t.equal(status, 0)
  t.match(stderr, /2 pushed, 0 refused, 0 left\n$/)
  t.strictSame(contentsOf(queue), { ...nothing, done: [first, second].sort() })
  t.equal(calls(received).length, 2)
})

t.test('SIGTERM ends it while the remote is away', { buffered: true }, async (t) => {
  const { start, queue, address, close } = await two(t)
  await close()
  const id = await queue.enqueue('')
  for (const follow of [false, true]) {
    const words = ['push', '--all', ...(follow ? ['--follow'] : []), address, 'q', 'mail', '-']
    const pusher = start(words, { timeout: 20_000 })
    while (!pusher.errors().includes('tried again'))
      await new Promise((resolve) => setTimeout(resolve, 20))
    pusher.kill('SIGTERM')
    t.equal((await pusher.ended).status, follow ? 0 : 111)
    t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  }
})

t.test('a token comes from a file, and shows nowhere', { buffered: true }, async (t) => {
  const { fsq, queue, address, received, directory } = await two(t)
  const [file, open] = [`${directory}/token`, `${directory}/open`]
  writeFileSync(file, '# ours\n\n a-secret-token mail\nanother\n', { mode: 0o600 })
  const words = ['push', '-v', '-D', address, 'q', 'mail', '-', await queue.enqueue('')]
  const tokens = (): unknown => received.splice(0).map(({ headers }) => headers.authorization)
  for (const [more, options] of [
    [['--token-file', file], {}],
    [[], { env: { FSQ_TOKEN_FILE: file } }],
  ] as const) {
    const ended = await fsq([...words, ...more], options)
    t.equal(ended.status, 0)
    t.notMatch(ended.stderr + ended.stdout, /secret/)
    t.strictSame(tokens(), Array(2).fill('Bearer a-secret-token'))
  }
  const bad = [
    [file, 'there is no line in it that begins with one, of printable ASCII'],
    [`${directory}/none`, 'no such file or directory'],
    [open, 'others may read or write it (chmod o= would help)'],
  ] as const
  writeFileSync(file, '\n# nothing\n')
  writeFileSync(open, 'a-secret-token', { mode: 0o644 })
  for (const [path, why] of bad) {
    const stderr = `fsq push: cannot use the token of ${path}: ${why}\n`
    check(t, await fsq([...words, '--token-file', path]), { status: 111, stderr })
  }
})

t.test('credentials in the address show in no message', { buffered: true }, async (t) => {
  const { fsq, queue, address, close } = await two(t)
  await close()
  const id = await queue.enqueue('')
  const ended = await fsq(['push', address.replace('//', '//me:secret@'), 'q', 'mail', '-', id])
  t.equal(ended.status, 111)
  t.match(ended.stderr, `at ${address}: nobody listens`)
  t.notMatch(ended.stderr, /secret/)
})

t.test(
  'over https certificates are checked',
  { buffered: true, skip: withoutOpenssl },
  async (t) => {
    const here = await place(t)
    const files = certificates(t)
    const tls = {
      cert: readFileSync(files.server.cert),
      key: readFileSync(files.server.key),
      ca: readFileSync(files.ca),
      requestCert: true,
    }
    const server = await httpServer(t, rpc({ enqueue: ([id]: [string]) => id }), { tls })
    const words = ['push', '-D', server.address, 'q', 'mail', '-', await here.queue.enqueue('')]
    check(t, await here.fsq(words), {
      status: 111,
      stderr: /; if its certificate is right, name the authority that signed it \(--ca\)\n$/,
    })
    const trusting = [...words, '--ca', files.ca]
    const stranger = await here.fsq(trusting)
    t.match(stranger, { status: 111, stderr: /^fsq push: cannot push / }, 'who are we?')
    const { cert, key } = files.client
    check(t, await here.fsq([...trusting, '--cert', cert, '--key', key]))
  },
)

const usage: [string[], RegExp][] = [
  [['http://h/', 'q', 'mail'], /too few arguments/],
  [['http://h/', 'q', 'mail', '-'], /no item given; --all is every item/],
  [['--all', 'http://h/', 'q', 'mail', '-', 'x'], /by names or by --all, not both/],
  [['--follow', 'http://h/', 'q', 'mail', '-', 'x'], /--follow goes with --all/],
  [['--all', '-D', 'http://h/', 'q', 'mail', '-'], /--no-done goes with names/],
  [['-p', 'smtp', 'http://h/', 'q', 'mail', '-', 'x'], /Expected one of jsonrpc/],
  [['--timeout', '0s', 'http://h/', 'q', 'mail', '-', 'x'], /--timeout/],
  [['--cert', 'x', 'http://h/', 'q', 'mail', '-', 'x'], /--cert and --key go together/],
  [['host:1', 'q', 'mail', '-', 'x'], /Expected the address of a remote: http:\/\/HOST:PORT/],
  [['ftp://me:secret@h/', 'q', 'mail', '-', 'x'], /Expected the address.*got "ftp:\/\/\*\*\*@h\/"/],
]
for (const [words, message] of usage) {
  t.test(`fsq push ${words.join(' ')} is bad usage`, { buffered: true }, async (t) => {
    const { fsq } = await place(t)
    const { status, stderr } = await fsq(['push', ...words])
    t.equal(status, 100)
    t.match(stderr, message)
    t.match(stderr, /\nusage: fsq push \[flags\] remote src_queue trg_queue host \[item\.\.\.\]/)
  })
}

t.test('a target that no queue can be', { buffered: true }, async (t) => {
  const { fsq, queue, address } = await two(t)
  const id = await queue.enqueue('')
  const stderr = 'fsq push: illegal queue name: "a/b"\n'
  check(t, await fsq(['push', address, 'q', 'a/b', '-', id]), { status: 111, stderr })
  check(t, await fsq(['push', '--all', address, 'q', 'a/b', '-']), { status: 111, stderr })
})
