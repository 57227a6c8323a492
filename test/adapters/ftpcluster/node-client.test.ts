import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
  closeSync,
} from 'node:fs'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { bytesOf } from '../../../lib/adapters/ftpcluster/escape.js'
import { NodeClient, type NodeClientOptions } from '../../../lib/adapters/ftpcluster/node-client.js'
import { NodeError } from '../../../lib/adapters/ftpcluster/node-error.js'
import { certificates, withoutOpenssl } from '../../helpers/certificates.js'
import { eventually } from '../../helpers/cli.js'
import {
  type FtpServer,
  ftpServer,
  ftpServers,
  password,
  smallDisk,
  type ServerOptions,
  withoutFtpTls,
  withoutSmallDisk,
  withoutServer,
} from '../../helpers/ftp-servers.js'
import { freePorts } from '../../helpers/ports.js'

/** A client of a server, which closes when the test ends. */
function clientOf(t: Test, server: FtpServer, options: NodeClientOptions = {}): NodeClient {
  const client = new NodeClient(server.node, options)
  t.teardown(() => client.close())
  return client
}

async function pair(
  t: Test,
  options: ServerOptions = {},
): Promise<{ server: FtpServer; client: NodeClient }> {
  const server = await ftpServer(t, options)
  return { server, client: clientOf(t, server) }
}

const code = 'FSQ_NODE'

/** A file in memory, read in two pieces. */
const reading = (content: Buffer) => (): Readable => {
  const half = Math.ceil(content.length / 2)
  return Readable.from([content.subarray(0, half), content.subarray(half)], { objectMode: false })
}

/** Every file that a server has, by its path. */
function filesOf({ directory }: FtpServer): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(directory.length + 1))
    .sort()
}

const content = Buffer.from('content of a file\n'.repeat(10_000))
const path = '61/47/030210-033921-rfc-0959.txt'

for (const kind of ['proftpd', 'vsftpd'] as const) {
  const skip = withoutServer(kind)

  const names: string[] = [
    path,
    'plain',
    '1/2/with blanks  in it',
    '1/2/Grüße, 世界 🎉',
    ' / leading blanks',
    '1/2/trailing blank ',
    '-dash',
    '~tilde',
    '1/*?[x]',
    '1/"quoted" \'too\'',
    '1/back\\slash',
    '1/a\tb',
    '1/%20 stays as it is',
    '1/latin-1 \udce4\udcfb\udcfe',
  ]
  for (const name of names) {
    t.test(
      `${kind} stores ${JSON.stringify(name)}, tells of it and removes it`,
      { skip },
      async (t) => {
        const { server, client } = await pair(t, { kind })
        t.equal(await client.size(name), undefined, 'it is not there')
        t.equal(await client.put(name, reading(content), content.length), true, 'it is sent')
        const there = Buffer.concat([Buffer.from(`${server.directory}/`), bytesOf(name)])
        t.strictSame(readFileSync(there), content, 'with its name and its content')
        t.equal(filesOf(server).length, 1, 'and nothing beside it')
        t.equal(await client.size(name), content.length)
        const { ino } = statSync(there)
        t.equal(await client.put(name, reading(content), content.length), false, 'not sent again')
        t.equal(statSync(there).ino, ino)
        t.equal(await client.remove(name), true, 'it was there')
        t.equal(await client.remove(name), false, 'it was not')
        t.strictSame(filesOf(server), [])
        t.equal(server.connections(), 1, 'all on one connection')
      },
    )
  }

  t.test(`${kind} stores files of any size`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    for (const size of [0, 1, 65_536, 3_000_001]) {
      const bytes = Buffer.alloc(size, 'some bytes')
      await client.put(`a/${size}`, reading(bytes), size)
      t.ok(readFileSync(`${server.directory}/a/${size}`).equals(bytes), `${size} bytes`)
    }
  })

  const others: [what: string, bytes: Buffer][] = [
    ['of another size', Buffer.from('another')],
    ['of that size', Buffer.alloc(content.length, 'x')],
  ]
  for (const [what, bytes] of others) {
    t.test(`${kind}: another file ${what} is left as it is`, { skip }, async (t) => {
      const { server, client } = await pair(t, { kind })
      await client.put('a/b', reading(bytes), bytes.length)
      await t.rejects(client.put('a/b', reading(content), content.length), {
        code,
        kind: 'taken',
        ofNode: false,
      })
      t.strictSame(readFileSync(`${server.directory}/a/b`), bytes)
      t.strictSame(filesOf(server), ['a/b'])
    })
  }

  for (const said of [content.length - 1, content.length + 1, 0]) {
    t.test(
      `${kind}: of a file that has not the ${said} bytes nothing stays`,
      { skip },
      async (t) => {
        const { server, client } = await pair(t, { kind })
        await t.rejects(client.put('a/b', reading(content), said), { code, kind: 'changed' })
        await client.close()
        t.strictSame(filesOf(server), [])
      },
    )
  }

  t.test(`${kind}: a file that cannot be read fails as it does`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    const failure = new Error('the disk is broken')
    async function* broken(): AsyncGenerator<Buffer> {
      yield content.subarray(0, 1000)
      throw failure
    }
    const stream = Readable.from(broken())
    const error: unknown = await client.put('a', () => stream, 2000).catch((e: unknown) => e)
    t.equal(error, failure)
    t.ok(stream.destroyed)
    t.equal(await client.size('b'), undefined, 'the client is of use')
    t.strictSame(filesOf(server), [])
  })

  t.test(`${kind}: a connection that is cut in the middle of a file`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    async function* cutting(): AsyncGenerator<Buffer> {
      yield content.subarray(0, 100_000)
      await eventually(() => filesOf(server).length === 1)
      await server.cut()
      yield content.subarray(100_000)
    }
    await t.rejects(
      client.put(path, () => Readable.from(cutting()), content.length),
      { code, kind: 'away', ofNode: true },
    )
    t.match(filesOf(server), [/^61\/47\/\.fsq-[0-9a-f]{16}\.tmp$/], 'a part, under another name')
    t.equal(await client.put(path, reading(content), content.length), true)
    t.strictSame(filesOf(server), [path], 'which the next attempt sends over')
  })

  t.test(`${kind}: a node that is down, and up again`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    await client.put('a', reading(content), content.length)
    await server.stop()
    for (const call of [
      (): Promise<unknown> => client.put('b', reading(content), content.length),
      () => client.size('a'),
      () => client.remove('a'),
    ])
      await t.rejects(call(), { code, kind: 'away', ofNode: true, node: client.node })
    await server.start()
    t.equal(await client.put('b', reading(content), content.length), true)
    t.strictSame(filesOf(server), ['a', 'b'])
  })

  t.test(
    `${kind}: a connection that was cut while it was idle is not used`,
    { skip },
    async (t) => {
      const { server, client } = await pair(t, { kind })
      await client.size('a')
      await server.cut()
      t.equal(await client.put('a', reading(content), content.length), true)
      t.equal(server.connections(), 2)
    },
  )

  t.test(`${kind}: what is aborted ends at once, and nothing of it stays`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    const reason = new Error('enough')
    const abort = new AbortController()
    const stream = new Readable({ read: () => undefined })
    stream.push(content)
    const putting = client.put('a/b', () => stream, 10 * content.length, { signal: abort.signal })
    void eventually(() => filesOf(server).length === 1).then(() => {
      abort.abort(reason)
    })
    t.equal(await putting.catch((error: unknown) => error), reason)
    t.ok(stream.destroyed)
    await client.close()
    t.strictSame(filesOf(server), [])
  })

  t.test(`${kind}: what may not be removed is not taken for gone`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    await client.put('a/b/c', reading(content), content.length)
    const directory = `${server.directory}/a/b`
    t.teardown(() => {
      chmodSync(directory, 0o755)
    })
    for (const mode of [0o555, 0o000]) {
      chmodSync(directory, mode)
      await t.rejects(client.remove('a/b/c'), { code, ofNode: false }, mode.toString(8))
    }
    await t.rejects(client.size('a/b/c'), { code: 'FSQ_NODE' }, 'nor is it said to be nothing')
    t.equal(
      await client.remove('a/c/d'),
      false,
      'what is not there is, though its directory is not',
    )
    await t.rejects(client.put('a/b/d', reading(content), content.length), { code, ofNode: false })
    chmodSync(directory, 0o755)
    t.strictSame(filesOf(server), ['a/b/c'])
  })

  t.test(`${kind}: a directory that was removed is made again`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    await client.put('a/b', reading(content), content.length)
    await client.remove('a/b')
    spawnSync('rmdir', [`${server.directory}/a`])
    t.equal(await client.put('a/b', reading(content), content.length), true)
  })

  t.test(`${kind}: many calls share few connections`, { skip }, async (t) => {
    const { server, client } = await pair(t, { kind })
    const numbers = Array.from({ length: 30 }, (_, at) => at)
    await Promise.all(numbers.map((at) => client.put(`a/${at}`, reading(content), content.length)))
    t.equal(filesOf(server).length, 30)
    t.equal(server.connections(), 2)
  })

  t.test(`${kind}: a node that is full`, { skip: skip || withoutSmallDisk() }, async (t) => {
    const directory = smallDisk(t, 400)
    const { server, client } = await pair(t, { kind, directory })
    for (const size of [500_000, 20_000_000]) {
      const large = Buffer.alloc(size)
      await t.rejects(client.put('a/b', reading(large), size), {
        code,
        kind: 'full',
        ofNode: false,
      })
      t.strictSame(filesOf(server), [], 'the part that was written is removed')
    }
    t.equal(await client.put('a/b', reading(content), content.length), true, 'there is space again')
    t.equal(server.connections(), 1, 'all on one connection')
  })

  t.test(`${kind}: files are copied from node to node`, { skip }, async (t) => {
    const [one, two] = await ftpServers(t, 2, { kind })
    if (one === undefined || two === undefined) return t.fail('there are two')
    const [from, to] = [clientOf(t, one), clientOf(t, two)]
    await from.put(path, reading(content), content.length)
    t.equal(await from.copyTo(to, path, 'x/y z', content.length), true)
    t.strictSame(readFileSync(`${two.directory}/x/y z`), content)
    t.equal(await from.copyTo(to, path, 'x/y z', content.length), false, 'it is there')
    await t.rejects(from.copyTo(to, 'no', 'n', 1), { code, kind: 'gone', node: from.node })
    await t.rejects(from.copyTo(to, path, 'n', 1), { code, kind: 'changed', node: from.node })
    await to.put('other', reading(Buffer.from('x')), 1)
    const taken = from.copyTo(to, path, 'other', content.length)
    await t.rejects(taken, { code, kind: 'taken', node: to.node })
    await two.stop()
    const away = from.copyTo(to, path, 'n', content.length)
    await t.rejects(away, { code, kind: 'away', node: to.node })
    t.equal(await from.size(path), content.length, 'that one is of use')
    await two.start()
    await one.stop()
    await t.rejects(from.copyTo(to, path, 'n', content.length), {
      code,
      kind: 'away',
      node: from.node,
    })
    t.strictSame(filesOf(two), ['other', 'x/y z'])
  })

  t.test(`${kind}: copies in all directions do not wait for each other`, { skip }, async (t) => {
    const servers = await ftpServers(t, 3, { kind })
    const clients = servers.map((server) => clientOf(t, server, { connections: 1 }))
    const names = ['0', '1', '2', '3', '4']
    const copies = clients.flatMap((from, at) =>
      names.flatMap((name) => clients.map((to) => ({ from, to, name: `${at}/${name}` }))),
    )
    for (const { from, name } of copies) await from.put(name, reading(content), content.length)
    await Promise.all(
      copies
        .filter(({ from, to }) => from !== to)
        .map(({ from, to, name }) => from.copyTo(to, name, name, content.length)),
    )
    for (const server of servers) t.equal(filesOf(server).length, 15)
  })
}

const skip = withoutServer()

t.test('a file that was damaged on its way has another checksum', { skip }, async (t) => {
  const { server, client } = await pair(t)
  async function* damaging(): AsyncGenerator<Buffer> {
    yield content.subarray(0, 100_000)
    const there = (): string => `${server.directory}/${filesOf(server)[0] ?? ''}`
    await eventually(() => filesOf(server).length === 1 && statSync(there()).size > 0)
    const fd = openSync(there(), 'r+')
    writeSync(fd, 'X', 0)
    closeSync(fd)
    yield content.subarray(100_000)
  }
  const source = (): Readable => Readable.from(damaging())
  await t.rejects(client.put('a', source, content.length), {
    code,
    kind: 'failed',
    message: /checksum/,
  })
  t.strictSame(filesOf(server), [])
})

const hanging: [what: string, call: (client: NodeClient) => Promise<unknown>][] = [
  ['for a connection', (client) => client.size('a')],
  ['to be asked of a file', (client) => client.put('a', reading(content), content.length)],
]
for (const [what, call] of hanging) {
  t.test(`a node that never answers is waited ${what} so long only`, { skip }, async (t) => {
    const server = await ftpServer(t)
    const client = clientOf(t, server, { timeout: 0.2 })
    server.hang()
    await t.rejects(call(client), { code, kind: 'away', ofNode: true })
  })
}

t.test(
  'a server that stops in the middle of a file is waited for so long only',
  { skip },
  async (t) => {
    const server = await ftpServer(t)
    const client = clientOf(t, server, { timeout: 1 })
    async function* freezing(): AsyncGenerator<Buffer> {
      yield content
      await eventually(() => filesOf(server).length === 1)
      for (const session of server.sessions()) session.kill('SIGSTOP')
      for (;;) yield content
    }
    const putting = client.put('a', () => Readable.from(freezing()), 1e12)
    await t.rejects(putting, { code, kind: 'away' })
  },
)

t.test('a server is not blamed for a source that is slow', { skip }, async (t) => {
  const server = await ftpServer(t)
  const timeout = 3
  async function* slow(): AsyncGenerator<Buffer> {
    for (const piece of [content, content]) {
      await setTimeout((timeout + 0.5) * 1000)
      yield piece
    }
  }
  const putting = clientOf(t, server, { timeout }).put(
    'a',
    () => Readable.from(slow()),
    2 * content.length,
  )
  t.equal(await putting, true)
  t.strictSame(filesOf(server), ['a'])
})

t.test('a password that is wrong is in no message', { skip }, async (t) => {
  const server = await ftpServer(t)
  const client = new NodeClient({ ...server.node, password: 'wrong-secret' })
  const error: unknown = await client.size('a').catch((e: unknown) => e)
  t.match(error, { code, kind: 'denied', ofNode: true, message: /does not let cluster1 log in/ })
  t.notMatch(inspect(error, { depth: 9 }), 'wrong-secret')
  t.notMatch(inspect(client, { depth: 9, showHidden: true }), 'wrong-secret')
})

for (const character of ['\r', '\n', '\0', '\udcff']) {
  const shown = JSON.stringify(character)
  t.test(`a path with ${shown} in it is refused before anything is sent`, { skip }, async (t) => {
    const { server, client } = await pair(t)
    const bad = `a${character}DELE b`
    for (const call of [
      (): Promise<unknown> => client.put(bad, reading(content), content.length),
      () => client.size(bad),
      () => client.remove(bad),
      () => client.copyTo(new NodeClient(server.node), bad, 'b', 1),
      () => new NodeClient(server.node).copyTo(client, 'b', bad, 1),
    ])
      await t.rejects(call(), { code, kind: 'refused' })
    t.equal(server.connections(), 0)
  })
}

const tls = withoutFtpTls() || withoutOpenssl

t.test('over TLS', { skip: tls }, async (t) => {
  const made = certificates(t)
  const servers = await ftpServers(t, 2, { certificates: made })
  const ca = readFileSync(made.ca, 'utf8')
  const [one, two] = servers.map((server) => clientOf(t, server, { tls: 'explicit', ca }))
  const [first, second] = servers
  if (!one || !two || !first || !second) return t.fail('there are two')
  for (const name of ['a/b', 'c']) await one.put(name, reading(content), content.length)
  t.equal(await one.put('c', reading(content), content.length), false)
  t.equal(await one.copyTo(two, 'a/b', 'copy', content.length), true)
  t.strictSame(readFileSync(`${second.directory}/copy`), content)
  t.equal(await two.size('copy'), content.length)
  t.equal(first.connections(), 1)

  const stranger = clientOf(t, first, { tls: 'explicit' })
  await t.rejects(stranger.size('c'), { code, kind: 'away', message: /certificate/ })
  const plain = clientOf(t, first)
  await t.rejects(
    plain.size('c'),
    { code, ofNode: true },
    'nothing goes unencrypted to where it must be',
  )
})

t.test('to a server that has no TLS nothing goes where it is asked for', { skip }, async (t) => {
  const server = await ftpServer(t)
  await t.rejects(clientOf(t, server, { tls: 'explicit' }).size('a'), { code, ofNode: true })
})

const misuse: [what: string, make: () => unknown][] = [
  ['another tls', () => new NodeClient(anyNode, { tls: 'maybe' as 'never' })],
  ['no time', () => new NodeClient(anyNode, { timeout: 0 })],
  ['no connections', () => new NodeClient(anyNode, { connections: 0 })],
  ['what is no option', () => new NodeClient(anyNode, { tsl: 'never' } as NodeClientOptions)],
  ['a user of two lines', () => new NodeClient({ ...anyNode, user: 'a\nb' })],
]
const anyNode = { host: '127.0.0.1', port: 21, user: 'u', password }
for (const [what, make] of misuse)
  t.test(`a client with ${what} is a TypeError`, async (t) => {
    t.throws(make, TypeError)
  })

t.test('a file is not copied to where it is', async (t) => {
  const client = new NodeClient(anyNode)
  await t.rejects(client.copyTo(client, 'a', 'b', 1), TypeError)
})

t.test('of a node that is down it is said that nobody listens there', async (t) => {
  const [port = 0] = await freePorts(1)
  const client = new NodeClient({ ...anyNode, port })
  await t.rejects(client.size('a'), {
    message: `127.0.0.1:${port}: cannot connect: nobody listens there`,
  })
})

t.test('the error of a node is one of fsq', async (t) => {
  const error = new NodeError(anyNode, 'full', 'no')
  t.match(error, { code, message: '127.0.0.1:21: no', node: { host: '127.0.0.1' } })
  t.notMatch(inspect(error), password)
})
