import {
  appendFileSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { formatClusterConf } from '../../../lib/adapters/ftpcluster/cluster-conf.js'
import { exportCluster } from '../../../lib/adapters/ftpcluster/export.js'
import { importCluster } from '../../../lib/adapters/ftpcluster/import.js'
import { bodyOf } from '../../../lib/adapters/ftpcluster/job-items.js'
import { makeJob } from '../../../lib/adapters/ftpcluster/job.js'
import { parseLinkFile } from '../../../lib/adapters/ftpcluster/link-file.js'
import { NodeClient } from '../../../lib/adapters/ftpcluster/node-client.js'
import { formatNode, type Node } from '../../../lib/adapters/ftpcluster/node.js'
import { processCluster } from '../../../lib/adapters/ftpcluster/processor.js'
import { readStored } from '../../../lib/adapters/ftpcluster/stored-copies.js'
import { Swaps } from '../../../lib/adapters/ftpcluster/swaps.js'
import { eventually } from '../../helpers/cli.js'
import { type TestCluster, testCluster } from '../../helpers/cluster.js'
import { type FtpServer, ftpServers, withoutServer } from '../../helpers/ftp-servers.js'

/*
 * What somebody does to the files of a cluster while its jobs wait or are done. In the end each link file names
 * copies that are there, with that content, and the nodes have no others.
 */

const skip = withoutServer()
const mtime = 1_044_844_761

interface Scene extends TestCluster {
  readonly servers: readonly [FtpServer, FtpServer]
}

async function scene(t: Test): Promise<Scene> {
  const servers = (await ftpServers(t, 2)) as [FtpServer, FtpServer]
  return {
    ...testCluster(
      t,
      servers.map(({ node }) => node),
    ),
    servers,
  }
}

/** The files on all nodes, by node and path. */
function filesOn({ servers }: Scene): string[] {
  return servers
    .flatMap(({ node, directory }) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(
          ({ parentPath, name }) =>
            `${formatNode(node)} ${parentPath.slice(directory.length + 1)}/${name}`,
        ),
    )
    .sort()
}

/** Each link file names what is there, and nothing else is. */
function isSound(t: Test, it: Scene, contents: Readonly<Record<string, string>>): void {
  const named: string[] = []
  for (const [name, content] of Object.entries(contents)) {
    const copies = it.link(name)?.copies ?? []
    t.not(copies.length, 0, `${name} is stored`)
    for (const { node, nodepath } of copies) {
      const server = it.servers.find((each) => each.node.port === node.port)
      const there = readFileSync(`${server?.directory ?? ''}/${nodepath}`, 'latin1')
      t.ok(there === content, `${name} is whole`)
      named.push(`${formatNode(node)} ${nodepath}`)
    }
  }
  t.strictSame(filesOn(it), named.sort(), 'there are no other copies')
}

function remove(it: Scene, name: string): void {
  mkdirSync(`${it.home}/.deleted`, { recursive: true })
  renameSync(`${it.home}/${name}`, `${it.home}/.deleted/${name}`)
}

const stories: Readonly<Record<string, (it: Scene, t: Test) => Promise<Record<string, string>>>> = {
  'two jobs for one file name different nodes': async (it) => {
    const [a, b] = it.servers
    const file = it.put('file', 'content')
    await it.submit({ type: 'upload', ...file, nodes: [a.node] })
    await it.submit({ type: 'store', ...file, nodes: [b.node] })
    await it.process()
    return { file: 'content' }
  },
  'a file is deleted and uploaded again, with its mtime, while its copy waits to be removed':
    async (it) => {
      const [a, b] = it.servers
      const job = { linkfile: 'file', size: 7, mtime }
      const replicate = { type: 'replicate', ...job, nodes: [b.node] } as const
      await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [a.node] })
      await it.process()
      await it.submit(replicate)
      await it.process()
      await b.stop()
      remove(it, 'file')
      await importCluster(it.root, it.home)
      await it.submit({ type: 'store', ...it.put('file', 'content'), nodes: [a.node] })
      await it.process()
      await b.start()
      await it.submit(replicate)
      await it.process()
      return { file: 'content' }
    },
  'more copies are wanted while a job waits': async (it) => {
    const [a, b] = it.servers
    await b.stop()
    await it.submit({ type: 'upload', ...it.put('file', 'content'), nodes: [b.node] })
    await it.upload('other', 'other', [a.node])
    await it.process()
    await b.start()
    await it.process({ copies: 2 })
    return { file: 'content', other: 'other' }
  },
  'a node is taken out of the configuration while jobs wait for it': async (it) => {
    const [a, b] = it.servers
    await b.stop()
    await it.upload('large', 'x'.repeat(1000), [a.node])
    await it.process()
    await it.upload('file', 'content')
    await it.process()
    writeFileSync(`${it.home}/.cluster.conf`, formatClusterConf([a.node]))
    await it.process()
    return { large: 'x'.repeat(1000), file: 'content' }
  },
  'a file is rewritten in place between two copies, and its mtime set back': async (it) => {
    const [a, b] = it.servers
    await b.stop()
    await it.submit({ type: 'store', ...it.put('file', 'old one'), nodes: [a.node, b.node] })
    await it.process()
    writeFileSync(`${it.home}/file`, 'new one')
    utimesSync(`${it.home}/file`, mtime, mtime)
    await b.start()
    await it.process()
    return { file: 'new one' }
  },
  'a file is rewritten in place while it is sent, and its mtime set back': async (it) => {
    const [a] = it.servers
    const content = 'a'.repeat(50_000_000)
    await it.upload('file', content, [a.node])
    const processing = it.process()
    await eventually(() => filesOn(it).length > 0)
    const fd = openSync(`${it.home}/file`, 'r+')
    writeSync(fd, 'NEW')
    closeSync(fd)
    utimesSync(`${it.home}/file`, mtime, mtime)
    await processing
    await it.process()
    return { file: `NEW${content.slice(3)}` }
  },
  'a processor is stopped while it sends a file, which is another then': async (it) => {
    const [a] = it.servers
    const ending = new AbortController()
    await it.upload('file', 'a'.repeat(50_000_000), [a.node])
    const processing = it.process({ signal: ending.signal })
    await eventually(() => filesOn(it).length > 0)
    ending.abort()
    await processing
    const job = { type: 'upload', ...it.put('file', 'another', mtime + 1) } as const
    await it.process()
    await it.submit({ ...job, nodes: [a.node] })
    await it.process()
    return { file: 'another' }
  },
  'a link file has the size and the mtime of the file itself, and the job comes twice': async (
    it,
  ) => {
    const [a] = it.servers
    await it.upload('aaaa', 'x'.repeat(94), [a.node])
    await it.process()
    const content = 'y'.repeat(statSync(`${it.home}/aaaa`).size)
    await it.upload('bbbb', content, [a.node])
    await it.process()
    utimesSync(`${it.home}/bbbb`, mtime, mtime)
    const version = { uid: 'ftp', size: content.length, mtime }
    await it.submit({ type: 'upload', filename: 'bbbb', ...version, nodes: [a.node] })
    await it.process()
    return { aaaa: 'x'.repeat(94), bbbb: content }
  },
  'a job has the size and the mtime of a link file': async (it, t) => {
    await it.upload('file', 'content')
    await it.process()
    const { size, mtimeMs } = statSync(`${it.home}/file`)
    const version = { uid: 'ftp', size, mtime: Math.floor(mtimeMs / 1000) }
    await it.submit({ type: 'upload', filename: 'file', ...version, nodes: [] })
    const { events } = await it.process()
    t.match(events, [{ type: 'dropped', why: 'there is the link file of another version' }])
    return { file: 'content' }
  },
  'a node is named twice': async (it) => {
    const [a] = it.servers
    await it.upload('file', 'content', [a.node, a.node])
    await it.process({ copies: 2 })
    return { file: 'content' }
  },
  'somebody has what looks like a link file removed, which names the copy of another': async (
    it,
    t,
  ) => {
    const [a] = it.servers
    await it.upload('hers', 'secret', [a.node])
    await it.process()
    const [copy] = it.link('hers')?.copies ?? []
    const fake = `mine 6 mallory ${mtime}\nserver ${formatNode(a.node)} ${copy?.nodepath ?? ''}\n`
    it.put('mine', fake)
    remove(it, 'mine')
    await importCluster(it.root, it.home)
    const { failed, events } = await it.process()
    t.equal(failed, 1)
    t.match(
      events.find(({ type }) => type === 'failed'),
      { why: /a copy of hers/ },
    )
    return { hers: 'secret' }
  },
}

for (const [story, act] of Object.entries(stories))
  t.test(story, { skip }, async (t) => {
    const it = await scene(t)
    const contents = await act(it, t)
    const { waiting, events } = await it.process()
    t.equal(waiting, 0)
    t.strictSame(events, [], 'there is nothing left to do')
    isSound(t, it, contents)
    t.strictSame(readdirSync(`${it.home}/.fsq`), ['lock'])
  })

const copyOfHers = /it is a copy of hers, which is still there/
const lastOfHers = /it is the last copy of hers, which is still there/

/** What names the only copy of a file, at a path on a node, so that it would go; and why it does not. */
const removals: Readonly<
  Record<string, readonly [(it: Scene, node: Node, path: string) => Promise<void> | void, RegExp]>
> = {
  'another spells its path with two slashes': [
    (it, node, path) => {
      removeLinkTo(it, node, path.replace('/', '//'))
    },
    copyOfHers,
  ],
  'another spells its path from the directory that it is in': [
    (it, node, path) => {
      removeLinkTo(it, node, `./${path.replace('/', '/././')}`)
    },
    copyOfHers,
  ],
  'another spells its path from the root': [
    (it, node, path) => {
      removeLinkTo(it, node, `/${path}`)
    },
    copyOfHers,
  ],
  'another spells its path from the root of the machine': [
    (it, node, path) => {
      removeLinkTo(it, node, `${it.servers[0].directory}/${path}`)
    },
    copyOfHers,
  ],
  'another spells its path with a way up': [
    (it, node, path) => {
      removeLinkTo(it, node, `${path.split('/')[0] ?? ''}/../${path}`)
    },
    /its path on the node has a way up/,
  ],
  'another names it beside a copy of its own': [
    (it, node, path) => {
      const own = `server ${formatNode(node)} another\n`
      it.put('mine', `mine 6 mallory ${mtime}\n${own}server ${formatNode(node)} ${path}\n`)
      return it.submit({ type: 'remove', node, nodepath: path, linkfile: 'mine' })
    },
    copyOfHers,
  ],
  'its link file names it twice': [
    (it, node, path) => {
      appendFileSync(`${it.home}/hers`, `server ${formatNode(node)} ${path}\n`)
      return it.submit({ type: 'remove', node, nodepath: path, linkfile: 'hers' })
    },
    lastOfHers,
  ],
  'its link file names it in two spellings': [
    (it, node, path) => {
      appendFileSync(`${it.home}/hers`, `server ${formatNode(node)} ./${path}\n`)
      return it.submit({ type: 'remove', node, nodepath: path, linkfile: 'hers' })
    },
    lastOfHers,
  ],
}

/** Somebody deletes what looks like a link file that names a copy. */
function removeLinkTo(it: Scene, node: Node, path: string): void {
  it.put('mine', `mine 6 mallory ${mtime}\nserver ${formatNode(node)} ${path}\n`)
  remove(it, 'mine')
}

for (const [how, [act, why]] of Object.entries(removals))
  t.test(`a copy stays although ${how}`, { skip }, async (t) => {
    const it = await scene(t)
    const [{ node }] = it.servers
    await it.upload('hers', 'secret', [node])
    await it.process()
    const before = filesOn(it)
    await act(it, node, it.link('hers')?.copies[0]?.nodepath ?? '')
    const { events } = await it.process({ import: true })
    t.match(
      events.filter(({ type }) => type === 'failed'),
      [{ why }],
    )
    t.strictSame(filesOn(it), before)
  })

t.test(
  'a copy stays whose link file came back after the others had been read',
  { skip },
  async (t) => {
    const it = await scene(t)
    await it.upload('hers', 'secret')
    await it.process()
    remove(it, 'hers')
    const { deleted } = it.cluster.paths
    renameSync(`${deleted}/hers`, `${it.home}/../hers`)
    const [copy] = parseLinkFile(readFileSync(`${it.home}/../hers`))?.copies ?? []
    if (copy === undefined) return t.fail('it was stored')
    await it.submit({ type: 'remove', ...copy })
    await it.upload('other', 'other') // To choose its node they are read.
    const { events } = await it.process({
      onEvent: ({ type, ...about }) => {
        if (type === 'dispatched' && 'job' in about && about.job.type === 'remove')
          renameSync(`${it.home}/../hers`, `${it.home}/hers`)
      },
    })
    t.match(
      events.filter(({ type }) => type === 'failed'),
      [{ why: copyOfHers }],
    )
    isSound(t, it, { hers: 'secret', other: 'other' })
  },
)

t.test('a copy that was taken back is not counted', { skip }, async (t) => {
  const it = await scene(t)
  const [a, b] = it.servers
  await b.stop()
  await it.upload('file', 'content')
  t.match(await it.process({ copies: 2 }), { done: 1, waiting: 1 })
  await b.start()
  // As when somebody opens it to write, and writes nothing.
  const swaps = t.capture(Swaps.prototype, 'replace', () => Promise.resolve(false))
  t.match(await it.process({ copies: 2 }), { retried: 1 })
  t.equal(swaps().length, 1)
  swaps.restore()
  t.match(readStored(`${it.home}/.fsq`, 'file')?.copies, [{ node: { port: a.node.port } }])
  // Its job is dispatched anew, by what is noted.
  writeFileSync(`${it.home}/.cluster.conf`, formatClusterConf([a.node]))
  t.match(await it.process({ copies: 2 }), { waiting: 1 })
  t.equal(readFileSync(`${it.home}/file`, 'latin1'), 'content')
  writeFileSync(`${it.home}/.cluster.conf`, formatClusterConf([a.node, b.node]))
  t.match(await it.process({ copies: 2 }), { waiting: 0 })
  isSound(t, it, { file: 'content' })
  t.equal(it.link('file')?.copies.length, 2)
})

t.test(
  'a copy that is another by now is not counted until it is sent again',
  { skip },
  async (t) => {
    const it = await scene(t)
    const [a, b] = it.servers
    await b.stop()
    const file = { ...it.put('file', 'content'), nodes: [a.node, b.node] }
    await it.submit({ type: 'upload', ...file })
    await it.process({ copies: 2 })
    const noted = (): readonly string[] | undefined =>
      readStored(`${it.home}/.fsq`, 'file')?.copies.map(({ nodepath }) => nodepath)
    const [path = ''] = noted() ?? []
    writeFileSync(`${a.directory}/${path}`, 'damaged')
    // As where the processor was killed before the job was done.
    const [id = ''] = it.waiting('store', b.node)
    const hostQueue = it.queues.of('store').host(formatNode(a.node))
    await hostQueue.receive(id, bodyOf(makeJob({ type: 'upload', ...file })))
    const discards = t.capture(
      NodeClient.prototype,
      'discard',
      async function (this: NodeClient, path: string) {
        t.strictSame(noted(), [])
        await this.remove(path)
      },
    )
    await it.process({ copies: 2 })
    t.equal(discards().length, 1)
    t.strictSame(noted(), [path])
    await b.start()
    await it.process({ copies: 2 })
    isSound(t, it, { file: 'content' })
  },
)

t.test('notes that somebody else may have written are not believed', { skip }, async (t) => {
  const it = await scene(t)
  mkdirSync(`${it.home}/.fsq`, { mode: 0o777 })
  if (process.getuid?.() === 0) chownSync(`${it.home}/.fsq`, 65534, 65534)
  else t.comment('as a user other than root only the mode is tried')
  await t.rejects(it.process(), { code: 'FSQ_CLUSTER', message: /somebody else can write there/ })
})

t.test('two clusters of one name do not take the jobs of each other', { skip }, async (t) => {
  const it = await scene(t)
  await it.upload('file', 'content')
  await it.process()
  const other = `${it.home}/other/home`
  mkdirSync(`${other}/.queue`, { recursive: true })
  writeFileSync(`${other}/.cluster.conf`, readFileSync(`${it.home}/.cluster.conf`), { mode: 0o600 })
  const taken = {
    code: 'FSQ_CLUSTER',
    message: /home is the name of the cluster in .*home already/,
  }
  await t.rejects(processCluster(it.root, other), taken)
  await t.rejects(exportCluster(it.root, other), taken)
  writeFileSync(`${other}/.queue/uploads-1`, 'upload x ftp 1 1\n')
  await t.rejects(importCluster(it.root, other), taken)
  await t.resolves(processCluster(it.root, other, { name: 'another' }))
})

t.test('a link file that says nonsense keeps nothing else from being done', { skip }, async (t) => {
  const it = await scene(t)
  const [a] = it.servers
  it.put('evil', `evil 5 ftp 9007199254740991\nserver ${formatNode(a.node)} x\n`)
  it.put('long', `long 5 ftp ${mtime}\nserver ${formatNode(a.node)} x\n#${'x'.repeat(65_000)}\n`)
  await it.submit({ type: 'replicate', linkfile: 'long', size: 5, mtime, nodes: [] })
  await it.upload('good', 'good')
  t.match(await it.process(), { done: 1 })
  t.ok(it.link('good'))
})

t.test('a replicate job that comes again makes no further copy', { skip }, async (t) => {
  const servers = (await ftpServers(t, 4)) as [FtpServer, ...FtpServer[]]
  const [{ node }, ...others] = servers
  const it = testCluster(
    t,
    servers.map((server) => server.node),
  )
  await it.upload('file', 'content', [node])
  await it.process()
  await Promise.all(others.map((server) => server.stop()))
  const job = makeJob({ type: 'replicate', linkfile: 'file', size: 7, mtime, nodes: [] })
  await it.queues.submit(job)
  const [id = ''] = it.waiting('replicate')
  const comeAgain = async (): Promise<boolean> => it.queues.of('replicate').receive(id, bodyOf(job))
  const holders = (): number[] => others.map((each) => it.waiting('replicate', each.node).length)
  await it.process()
  const first = holders()
  t.strictSame([...first].sort(), [0, 0, 1])
  await comeAgain()
  await it.process()
  t.strictSame(holders(), first, 'while it waits')
  await Promise.all(others.map((server) => server.start()))
  t.match(await it.process(), { done: 1 })
  await comeAgain()
  t.match(await it.process(), { dropped: 1, waiting: 0 }, 'nor when it was done')
  t.equal(it.link('file')?.copies.length, 2)
})

t.test(
  'a job waits for a node that has a copy although another can give none',
  { skip },
  async (t) => {
    const [good, bad, target] = (await ftpServers(t, 3)) as [FtpServer, FtpServer, FtpServer]
    const it = testCluster(
      t,
      [good, bad, target].map(({ node }) => node),
    )
    await it.upload('file', 'content', [good.node])
    await it.process()
    appendFileSync(`${it.home}/file`, `server ${formatNode(bad.node)} 1/2/b%0Ad\n`)
    await good.stop()
    const nodes = [target.node]
    await it.submit({ type: 'replicate', linkfile: 'file', size: 7, mtime, nodes })
    t.match(await it.process(), { failed: 0, waiting: 1 })
    await good.start()
    t.match(await it.process(), { done: 1, waiting: 0 })
  },
)
