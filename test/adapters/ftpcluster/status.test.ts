import t from 'tap'
import { formatNode } from '../../../lib/adapters/ftpcluster/node.js'
import { clusterStatus } from '../../../lib/adapters/ftpcluster/status.js'
import { testCluster } from '../../helpers/cluster.js'
import { freePorts } from '../../helpers/ports.js'
import { check, place } from '../../helpers/cli.js'

/** A cluster of nodes that nobody is. */
async function withoutServers(t: Parameters<typeof testCluster>[0]) {
  const ports = await freePorts(2)
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port, user: 'u', password: 'p' }))
  return { it: testCluster(t, nodes), nodes }
}

t.test('jobs are counted where they wait, and where they failed', async (t) => {
  const { it, nodes } = await withoutServers(t)
  const [a, b] = nodes.map(({ host, port }) => ({ host, port }))
  if (a === undefined || b === undefined) return
  for (const name of ['one', 'two'])
    await it.submit({ type: 'store', ...it.put(name, 'x'), nodes: [a] })
  await it.process()
  await it.submit({ type: 'store', ...it.put('three', 'x'), nodes: [b] })
  const [id = ''] = it.waiting('store', a)
  const item = await it.queues.of('store').host(formatNode(a)).claim(id)
  await item.failPerm()
  const status = await clusterStatus(it.root, it.home)
  t.match(status, { jobs: { store: 2 }, undispatched: 1, failed: 1, inFiles: 0 })
  t.match(
    status.nodes.map(({ node, state, jobs, failed }) => ({ node, state, jobs, failed })),
    [
      { node: a, state: 'up', jobs: { store: 1 }, failed: 1 },
      { node: b, state: 'up', jobs: { store: 0 }, failed: 0 },
    ],
  )
  const { fsq } = await place(t)
  const { stdout } = await fsq(['-r', it.root.settings.root, 'ftpcluster', 'status', it.home])
  t.match(stdout, /^jobs: 2 store; 1 of 2 without nodes yet; the oldest waits \S+$/m)
  t.match(stdout, /^failed for good: 1, in fail\/ of/m)
  t.match(stdout, /^NODE .* FAILED\n127\.0\.0\.1:\d+ +up +0 +0 +1 +0 +0 +\S+ +1\n/m)
  const failed = `ftpc-store/${formatNode(a)}`
  const words = (...all: string[]): string[] => ['-r', it.root.settings.root, ...all]
  check(t, await fsq(words('ls', '-s', 'fail', failed)), { stdout: `${id}\n` })
  check(t, await fsq(words('requeue', '--all', failed)))
  t.match(await clusterStatus(it.root, it.home), { jobs: { store: 3 }, failed: 0 })
})
