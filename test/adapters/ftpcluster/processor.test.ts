import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import { formatNode, type Node } from '../../../lib/adapters/ftpcluster/node.js'
import type { ProcessEvent } from '../../../lib/adapters/ftpcluster/process-events.js'
import {
  balanceUsedSpace,
  type Placement,
  roundRobin,
} from '../../../lib/adapters/ftpcluster/placement.js'
import { eventually } from '../../helpers/cli.js'
import {
  type FtpServer,
  ftpServers,
  smallDisk,
  withoutServer,
  withoutSmallDisk,
} from '../../helpers/ftp-servers.js'
import { type TestCluster, testCluster } from '../../helpers/cluster.js'

const skip = withoutServer()

/** The content of the copies that a link file names. */
function copiesOf(
  servers: readonly FtpServer[],
  copies: readonly { node: Node; nodepath: string }[],
): string[] {
  return copies.map(({ node, nodepath }) => {
    const server = servers.find((each) => formatNode(each.node) === formatNode(node))
    return readFileSync(`${server?.directory ?? ''}/${nodepath}`, 'utf8')
  })
}

function filesOn({ directory }: FtpServer): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

/** The sizes of the files on a node, temporary ones too. */
function sizesOn({ directory }: FtpServer): number[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => statSync(`${parentPath}/${name}`).size)
}

t.test('an upload is stored on a node, and its link file takes its place', { skip }, async (t) => {
  const servers = await ftpServers(t, 3)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  const names = ['rfc-0959.txt', 'pub/a name with spaces', 'pub/Überraschung.txt', 'pub/empty']
  for (const name of names)
    await it.upload(name, name.endsWith('empty') ? '' : `content of ${name}`)
  const { done, waiting, events } = await it.process()
  t.match({ done, waiting }, { done: 4, waiting: 0 })
  t.strictSame(
    events.filter(({ type }) => type !== 'dispatched' && type !== 'done'),
    [],
  )
  for (const name of names) {
    const link = it.link(name)
    t.match(link, { name: name.split('/').pop(), owner: 'ftp', mtime: 1_044_844_761 })
    t.strictSame(copiesOf(servers, link?.copies ?? []), [
      name.endsWith('empty') ? '' : `content of ${name}`,
    ])
  }
  t.strictSame(readdirSync(`${it.home}/.fsq`), ['lock'], 'nothing is left beside')
})

t.test('each of two copies is there before the content goes', { skip }, async (t) => {
  const servers = await ftpServers(t, 3)
  const [a, b, c] = servers as [FtpServer, FtpServer, FtpServer]
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await b.stop()
  await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [a.node, b.node] })
  const first = await it.process()
  t.match(first, { done: 1, retried: 1, waiting: 1 })
  t.match(
    first.events.find(({ type }) => type === 'away'),
    { node: { port: b.node.port } },
  )
  t.equal(readFileSync(`${it.home}/file`, 'utf8'), 'content')
  t.equal(it.waiting('store', b.node).length, 1, 'the job waits for the node')
  t.match(it.waiting('store', b.node)[0], /_1_store_/, 'with a try spent')
  await b.start()
  t.match(await it.process(), { done: 1, waiting: 0 })
  const link = it.link('file')
  t.strictSame(link?.copies.map(({ node }) => node.port).sort(), [a.node.port, b.node.port].sort())
  t.strictSame(copiesOf(servers, link?.copies ?? []), ['content', 'content'])
  t.strictSame(filesOn(c), [])
})

t.test(
  'a dead node costs the others nothing, and its jobs no tries but one',
  { skip },
  async (t) => {
    const servers = await ftpServers(t, 2)
    const [alive, dead] = servers as [FtpServer, FtpServer]
    const it = testCluster(
      t,
      servers.map(({ node }) => node),
    )
    await dead.stop()
    for (let i = 0; i < 10; i++)
      for (const { node } of servers)
        await it.submit({ type: 'store', ...it.put(`on ${node.port} ${i}`, 'x'), nodes: [node] })
    const { done, retried, waiting } = await it.process({ connections: 3 })
    t.match({ done, retried, waiting }, { done: 10, retried: 1, waiting: 10 })
    t.equal(it.waiting('store', dead.node).filter((name) => name.includes('_0_store_')).length, 9)
    t.equal(filesOn(alive).length, 10)
  },
)

t.test('of a file that was uploaded twice the last is stored', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.submit({ type: 'upload', ...it.put('file', 'first', 1_000_000_000), nodes: [] })
  await it.submit({ type: 'upload', ...it.put('file', 'second'), nodes: [] })
  const { done, dropped, events } = await it.process()
  t.match({ done, dropped }, { done: 1, dropped: 1 })
  t.match(
    events.find(({ type }) => type === 'dropped'),
    { why: 'it was changed since' },
  )
  t.strictSame(copiesOf(servers, it.link('file')?.copies ?? []), ['second'])
})

t.test('a job for a file that is stored already is dropped', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.upload('file', 'content')
  await it.process()
  const before = readFileSync(`${it.home}/file`)
  await it.submit({
    type: 'upload',
    filename: 'file',
    uid: 'ftp',
    size: 7,
    mtime: 1_044_844_761,
    nodes: [],
  })
  const { dropped, events } = await it.process()
  t.equal(dropped, 1)
  t.match(
    events.find(({ type }) => type === 'dropped'),
    { why: 'it is stored already' },
  )
  t.strictSame(readFileSync(`${it.home}/file`), before)
})

t.test(
  'a file that is uploaded again while it is sent stays, and is stored by its own job',
  { skip },
  async (t) => {
    const servers = await ftpServers(t, 2)
    const [a, b] = servers as [FtpServer, FtpServer]
    const it = testCluster(
      t,
      servers.map(({ node }) => node),
    )
    await b.stop()
    await it.submit({ type: 'store', ...it.put('file', 'old one'), nodes: [a.node, b.node] })
    await it.process()
    t.equal(filesOn(a).length, 1)
    writeFileSync(`${it.home}/new`, 'new one')
    utimesSync(`${it.home}/new`, 1_044_844_761, 1_044_844_761)
    renameSync(`${it.home}/new`, `${it.home}/file`) // The same name, size and mtime.
    await b.start()
    t.match(await it.process(), { done: 2, waiting: 0 }, 'it is sent to the first node, too')
    await it.submit({
      type: 'store',
      filename: 'file',
      uid: 'ftp',
      size: 7,
      mtime: 1_044_844_761,
      nodes: [a.node, b.node],
    })
    await it.process()
    t.strictSame(copiesOf(servers, it.link('file')?.copies ?? []), ['new one', 'new one'])
    t.equal(filesOn(a).length, 1)
  },
)

t.test('a file is placed where the least is used', { skip }, async (t) => {
  const servers = await ftpServers(t, 3)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  for (let i = 0; i < 9; i++) await it.upload(`file ${i}`, Buffer.alloc(1000))
  t.match(await it.process({ copies: 2 }), { done: 18, waiting: 0 })
  t.strictSame(
    servers.map((server) => filesOn(server).length),
    [6, 6, 6],
  )
})

t.test('a file of which there cannot be so many copies keeps its content', { skip }, async (t) => {
  const servers = await ftpServers(t, 2)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.upload('file', 'content')
  const { done, waiting, events } = await it.process({ copies: 3 })
  t.match({ done, waiting }, { done: 0, waiting: 1 })
  t.match(
    events.find(({ type }) => type === 'retried'),
    { error: { message: /no 3 nodes can take it now/ } },
  )
  t.equal(readFileSync(`${it.home}/file`, 'utf8'), 'content')
  t.match(await it.process({ copies: 2 }), { done: 2, waiting: 0 })
  t.equal(it.link('file')?.copies.length, 2)
})

/** Where ten files of which every third is large, and every fifth is of the user `backup`, are put. */
const placements: readonly [what: string, make: () => Placement, files: number[]][] = [
  ['one after the other', roundRobin, [4, 3, 3]],
  [
    'by size',
    () => (file, nodes) => nodes.filter((_, at) => (file.size > 50 ? at === 2 : at === 0)),
    [6, 0, 4],
  ],
  [
    'by user, of whose nodes there are too many',
    () => (file, nodes) => (file.uid === 'backup' ? nodes.slice(1) : nodes),
    [8, 2, 0],
  ],
  ['on none for now', () => () => [], [0, 0, 0]],
]

for (const [what, make, files] of placements)
  t.test(`files are placed ${what}, if that is the placement`, { skip }, async (t) => {
    const servers = await ftpServers(t, 3)
    const it = testCluster(
      t,
      servers.map(({ node }) => node),
    )
    for (let i = 0; i < 10; i++) {
      const facts = it.put(`file ${i}`, Buffer.alloc(i % 3 === 0 ? 100 : 10))
      await it.submit({ type: 'upload', ...facts, uid: i % 5 === 0 ? 'backup' : 'ftp', nodes: [] })
    }
    const placed = files.reduce((sum, count) => sum + count, 0)
    t.match(await it.process({ placement: make() }), { done: placed, waiting: 10 - placed })
    t.strictSame(
      servers.map((server) => filesOn(server).length),
      files,
    )
  })

t.test('an upload goes to the nodes that it allows', { skip }, async (t) => {
  const servers = await ftpServers(t, 3)
  const [a, b, c] = servers as [FtpServer, FtpServer, FtpServer]
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  for (let i = 0; i < 4; i++) await it.upload(`file ${i}`, 'x', [a.node, c.node])
  await it.process()
  t.strictSame(
    [a, b, c].map((server) => filesOn(server).length),
    [2, 0, 2],
  )
})

t.test('a node that is down is left alone', { skip }, async (t) => {
  const servers = await ftpServers(t, 2)
  const [a, b] = servers as [FtpServer, FtpServer]
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.process()
  await it.queues.of('store').downHost(formatNode(a.node))
  await it.submit({ type: 'store', ...it.put('on a', 'x'), nodes: [a.node] })
  for (let i = 0; i < 3; i++) await it.upload(`anywhere ${i}`, 'x')
  const { done, retried, waiting } = await it.process()
  t.match({ done, retried, waiting }, { done: 3, retried: 0, waiting: 1 })
  t.equal(a.connections(), 0)
  t.equal(filesOn(b).length, 3)
  await it.queues.of('store').upHost(formatNode(a.node))
  t.match(await it.process(), { done: 1, waiting: 0 })
})

t.test('a file is copied from node to node', { skip }, async (t) => {
  const servers = await ftpServers(t, 3)
  const [a, b, c] = servers as [FtpServer, FtpServer, FtpServer]
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.submit({ type: 'store', ...it.put('pub/file', 'content'), nodes: [a.node] })
  await it.process()
  const job = { type: 'replicate', linkfile: 'pub/file', size: 7, mtime: 1_044_844_761 } as const
  await it.submit({ ...job, nodes: [a.node, b.node] })
  await it.process()
  t.strictSame(
    it.link('pub/file')?.copies.map(({ node }) => node.port),
    [a.node.port, b.node.port],
  )
  await it.submit({ ...job, nodes: [] })
  await it.process()
  const link = it.link('pub/file')
  t.strictSame(copiesOf([a, b, c], link?.copies ?? []), ['content', 'content', 'content'])
  await it.submit({ ...job, nodes: [a.node] })
  t.match(await it.process(), { dropped: 1 })
})

t.test(
  'a copy of a file that was removed while it waited to be copied is not kept',
  { skip },
  async (t) => {
    const servers = await ftpServers(t, 2)
    const [a, b] = servers as [FtpServer, FtpServer]
    const it = testCluster(
      t,
      servers.map(({ node }) => node),
    )
    await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [a.node] })
    await it.process()
    await it.submit({
      type: 'replicate',
      linkfile: 'file',
      size: 7,
      mtime: 1_044_844_761,
      nodes: [b.node],
    })
    renameSync(`${it.home}/file`, `${it.home}/elsewhere`)
    const { dropped, events } = await it.process()
    t.equal(dropped, 1)
    t.match(
      events.find(({ type }) => type === 'dropped'),
      { why: 'it is not there any more' },
    )
    t.strictSame(filesOn(b), [])
  },
)

t.test('a copy is removed, and the link file forgets it', { skip }, async (t) => {
  const servers = await ftpServers(t, 2)
  const [a, b] = servers as [FtpServer, FtpServer]
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [a.node, b.node] })
  await it.process()
  const [first, last] = it.link('file')?.copies ?? []
  if (first === undefined || last === undefined) throw new Error('not stored')
  await it.submit({ type: 'remove', ...first, linkfile: 'file' })
  t.match(await it.process(), { done: 1 })
  t.strictSame(it.link('file')?.copies, [last])
  await it.submit({ type: 'remove', ...last, linkfile: 'file' })
  const { failed, events } = await it.process()
  t.equal(failed, 1, 'but the last copy of a file that is there is kept')
  t.match(
    events.find(({ type }) => type === 'failed'),
    { why: /last copy of file/ },
  )
  t.equal(filesOn(a).length + filesOn(b).length, 1)
  await it.submit({ type: 'remove', ...first })
  t.match(await it.process(), { done: 1 }, 'that a copy is not there is success')
})

t.test('what leads out of the FTP space is refused', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  const { size, mtime } = statSync('/etc/hostname')
  const seconds = Math.floor(mtime.getTime() / 1000)
  for (const filename of ['../../../etc/hostname', '.cluster.conf', '.queue/x', 'a/../../x'])
    await it.submit({ type: 'upload', filename, uid: 'ftp', size, mtime: seconds, nodes: [] })
  const { failed } = await it.process()
  t.equal(failed, 4)
  t.strictSame(servers.flatMap(filesOn), [])
})

t.test('one processor at a time is at a cluster', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  const ending = new AbortController()
  const first = it.process({ follow: true, signal: ending.signal })
  await t.rejects(it.process(), { code: 'FSQ_CLUSTER_LOCKED' })
  ending.abort()
  await first
  t.ok(existsSync(`${it.home}/.fsq/lock`))
})

t.test('who follows does jobs as they come', { skip }, async (t) => {
  const servers = await ftpServers(t, 2)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  const ending = new AbortController()
  let stored = 0
  const following = it.process({
    follow: true,
    sweep: 3600,
    signal: ending.signal,
    onEvent: ({ type }) => {
      if (type === 'done' && ++stored === 5) ending.abort()
    },
  })
  for (let i = 0; i < 5; i++) await it.upload(`file ${i}`, 'x')
  t.match(await following, { done: 5 })
})

t.test('who follows knows what the nodes have by now', { skip }, async (t) => {
  const servers = await ftpServers(t, 2)
  const [a, b] = servers as [FtpServer, FtpServer]
  const it = testCluster(t, [a.node, b.node])
  const ending = new AbortController()
  const ends: (() => void)[] = []
  const uses: (readonly [files: number, used: number][])[] = []
  const following = it.process({
    follow: true,
    import: true,
    sweep: 3600,
    signal: ending.signal,
    placement: (file, nodes, copies) => {
      uses.push(nodes.map((each) => [each.files, each.used]))
      return balanceUsedSpace(file, nodes, copies)
    },
    onEvent: ({ type }) => {
      if (type === 'done') ends.shift()?.()
    },
  })
  const doing = async (act: () => Promise<void>): Promise<void> => {
    const end = new Promise<void>((resolve) => ends.push(resolve))
    await act()
    await end
  }
  const upload = async (name: string, size: number, nodes: Node[] = []): Promise<void> =>
    doing(() => it.upload(name, 'x'.repeat(size), nodes))
  await upload('large', 1000)
  await upload('empty', 0)
  await doing(() =>
    it.submit({ type: 'store', ...it.put('decided', 'x'.repeat(300)), nodes: [b.node] }),
  )
  for (const name of ['large', 'empty'])
    await doing(async () => {
      mkdirSync(`${it.home}/.deleted`, { recursive: true })
      renameSync(`${it.home}/${name}`, `${it.home}/.deleted/${name}`)
      writeFileSync(`${it.home}/.queue/changed`, '')
    })
  await upload('last', 100)
  t.strictSame(uses, [
    [
      [0, 0],
      [0, 0],
    ],
    [
      [1, 1000],
      [0, 0],
    ],
    [
      [0, 0],
      [1, 300],
    ],
  ])
  ending.abort()
  await following
})

/** What is tried again by whoever follows, without anything that arrives: what ends it. */
const later: Readonly<
  Record<string, (it: TestCluster, server: FtpServer) => Promise<(event: ProcessEvent) => boolean>>
> = {
  'a node that went away': async (it, server) => {
    await server.stop()
    await it.upload('file', 'content')
    return ({ type }) => {
      if (type === 'away') void server.start()
      return type === 'done'
    }
  },
  'a job that failed': async (it) => {
    let tries = 0
    const unknown = { host: 'nowhere', port: 21 }
    await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [unknown] })
    return ({ type }) => type === 'retried' && ++tries === 2
  },
}

for (const [what, begin] of Object.entries(later))
  t.test(`who follows tries ${what} again after a pause`, { skip }, async (t) => {
    const [server] = await ftpServers(t, 1)
    if (server === undefined) throw new Error('not started')
    const it = testCluster(t, [server.node])
    const ending = new AbortController()
    const isOver = await begin(it, server)
    const options = { follow: true, sweep: 3600, signal: ending.signal }
    const onEvent = (event: ProcessEvent): void => {
      if (isOver(event)) ending.abort()
    }
    await t.resolves(it.process({ ...options, onEvent }))
  })

t.test('a signal ends it while what waits for former nodes is put back', async (t) => {
  const it = testCluster(t, [{ host: '127.0.0.1', port: 1, user: 'u', password: 'p' }])
  await it.queues.install('remove', [{ host: 'former', port: 21 }])
  t.match(await it.process({ follow: true, signal: AbortSignal.abort() }), { done: 0 })
})

t.test(
  'what a full node cannot take goes to another',
  { skip: skip || withoutSmallDisk() },
  async (t) => {
    const [small] = await ftpServers(t, 1, { directory: smallDisk(t, 256) })
    const [large] = await ftpServers(t, 1)
    if (small === undefined || large === undefined) throw new Error('not started')
    const it = testCluster(t, [small.node, large.node])
    for (let i = 0; i < 6; i++) await it.upload(`file ${i}`, Buffer.alloc(100_000, i))
    const { done, waiting, events } = await it.process({ connections: 1 })
    t.match({ done, waiting }, { done: 6, waiting: 0 })
    t.match(
      events.find(({ type }) => type === 'full'),
      { node: { port: small.node.port } },
    )
    t.ok(filesOn(small).length >= 1)
    t.equal(filesOn(small).length + filesOn(large).length, 6)
    await it.submit({
      type: 'store',
      ...it.put('for the small one', Buffer.alloc(200_000)),
      nodes: [small.node],
    })
    t.match(await it.process(), { retried: 1, waiting: 1 }, 'unless the job names its nodes')
    t.equal(statSync(`${it.home}/for the small one`).size, 200_000)
  },
)

t.test('a transfer that is cut off is made again', { skip }, async (t) => {
  const [server] = await ftpServers(t, 1)
  if (server === undefined) throw new Error('not started')
  const it = testCluster(t, [server.node])
  const content = Buffer.alloc(64 * 1024 * 1024, 'x')
  await it.upload('large', content)
  const first = it.process()
  await eventually(() => sizesOn(server).some((size) => size > 0))
  await server.cut()
  t.match(await first, { done: 0, retried: 1, waiting: 1 })
  t.equal(statSync(`${it.home}/large`).size, content.length)
  t.match(await it.process(), { done: 1, waiting: 0 })
  const [copy] = it.link('large')?.copies ?? []
  t.ok(readFileSync(`${server.directory}/${copy?.nodepath ?? ''}`).equals(content))
})

t.test('a file that somebody writes to is not replaced', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.upload('file', 'content')
  const fd = openSync(`${it.home}/file`, 'r+')
  t.match(await it.process(), { done: 0, retried: 1, waiting: 1 })
  closeSync(fd)
  t.match(await it.process(), { done: 1, waiting: 0 })
})

t.test('queue files are imported on the way', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  const { size, mtime } = it.put('file', 'content')
  writeFileSync(
    `${it.home}/.queue/uploads-030210-033921-c0de.q`,
    `upload file ftp ${size} ${mtime}\n`,
  )
  t.match(await it.process({ import: true }), { done: 1, waiting: 0 })
  t.strictSame(copiesOf(servers, it.link('file')?.copies ?? []), ['content'])
  const ending = new AbortController()
  const following = it.process({
    import: true,
    follow: true,
    sweep: 3600,
    signal: ending.signal,
    onEvent: ({ type }) => {
      if (type === 'done') ending.abort()
    },
  })
  it.put('later', 'content')
  writeFileSync(`${it.home}/.queue/new`, `upload later ftp ${size} ${mtime}\n`)
  renameSync(`${it.home}/.queue/new`, `${it.home}/.queue/uploads-2`)
  t.match(await following, { done: 1, waiting: 0 })
})

t.test('the items of another cluster are left alone', { skip }, async (t) => {
  const servers = await ftpServers(t, 1)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  await it.upload('file', 'content')
  t.match(await it.process({ name: 'another' }), { done: 0, waiting: 0 })
  t.equal(it.waiting('upload').length, 1)
})
