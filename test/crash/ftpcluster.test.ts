import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { parseLinkFile } from '../../lib/adapters/ftpcluster/link-file.js'
import { formatNode } from '../../lib/adapters/ftpcluster/node.js'
import { place } from '../helpers/cli.js'
import { testCluster } from '../helpers/cluster.js'
import { ftpServers, withoutServer } from '../helpers/ftp-servers.js'
import { bound, random as randomOf, seed } from './sample.js'

/*
 * The processors of an ftpcluster are killed again and again at random moments, and so are the sessions of the
 * nodes. At no moment is a file neither here nor on as many nodes as it should be, whole.
 */

const kills = bound(6)
const names = Array.from({ length: 30 }, (_, i) => `pub/${i % 3}/file ${i}`)

t.test(
  `no file is lost where processors are killed, FSQ_CRASH_SEED=${seed}`,
  { skip: withoutServer() },
  async (t) => {
    const random = randomOf('ftpcluster')
    const servers = await ftpServers(t, 3)
    const it = testCluster(
      t,
      servers.map(({ node }) => node),
    )
    const { start } = await place(t)
    const contentOf = (name: string): string => `${name}\n`.repeat(2000)
    const work = (): ReturnType<typeof start> =>
      start([
        '-r',
        it.root.settings.root,
        'ftpcluster',
        'work',
        it.home,
        '--copies',
        '2',
        '-j',
        '3',
      ])

    /** What is wrong with a file now. */
    const wrong = (name: string): string | undefined => {
      const bytes = readFileSync(`${it.home}/${name}`)
      if (bytes.toString() === contentOf(name)) return undefined
      const link = parseLinkFile(bytes)
      if (link === undefined || link.copies.length < 2) return `${name}: ${bytes.toString()}`
      const bad = link.copies.filter(({ node, nodepath }) => {
        const server = servers.find((each) => formatNode(each.node) === formatNode(node))
        return readFileSync(`${server?.directory ?? ''}/${nodepath}`, 'utf8') !== contentOf(name)
      })
      return bad.length === 0 ? undefined : `${name}: ${JSON.stringify(bad)}`
    }

    for (const name of names) await it.upload(name, contentOf(name))
    for (let i = 0; i < kills; i++) {
      const worker = work()
      await setTimeout(random() * 1200)
      if (random() < 0.3) await servers[Math.floor(random() * 3)]?.cut()
      worker.kill('SIGKILL')
      await worker.exited
      const all = names.flatMap((name) => wrong(name) ?? [])
      if (all.length > 0) t.strictSame(all, [], `after kill ${i}`)
    }
    const { status, stderr } = await work().ended
    t.equal(status, 0, stderr)
    t.strictSame(
      names.filter(
        (name) => parseLinkFile(readFileSync(`${it.home}/${name}`))?.copies.length !== 2,
      ),
      [],
      'all are stored in the end, on two nodes each',
    )
    t.strictSame(
      names.flatMap((name) => wrong(name) ?? []),
      [],
    )
    t.strictSame(readdirSync(`${it.home}/.fsq`), ['lock'])
    const copies = servers.flatMap(({ directory }) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
        .map((entry) => entry.name),
    )
    t.equal(copies.length, 2 * names.length, 'no other copy is left')
  },
)
