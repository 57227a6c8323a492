import { hostname } from 'node:os'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { openCluster } from '../../../lib/adapters/ftpcluster/cluster.js'
import { importCluster } from '../../../lib/adapters/ftpcluster/import.js'
import { lockQueue } from '../../../lib/adapters/ftpcluster/queue-lock.js'
import { clusterPlace } from '../../helpers/ftpcluster.js'
import { entriesOf } from '../../helpers/temporary.js'

t.jobs = 4

t.test('who has the lock keeps others out', async (t) => {
  const place = clusterPlace(t)
  const cluster = openCluster(place.home)
  const lock = await lockQueue(cluster)
  const text = readFileSync(cluster.paths.lock, 'utf8')
  t.match(text, /^fsq \d+ \S+ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/)
  t.ok(text.startsWith(`fsq ${process.pid} ${hostname()} `))
  for (const options of [{}, { breakLock: true }])
    await t.rejects(lockQueue(cluster, options), {
      code: 'FSQ_CLUSTER_LOCKED',
      message: `process ${process.pid} on ${hostname()}`,
    })
  await t.rejects(importCluster(place.root, place.home), { code: 'FSQ_CLUSTER_LOCKED' })
  lock[Symbol.dispose]()
  t.strictSame(entriesOf(place.home), ['.deleted', '.queue'], 'nothing is left')
})

t.test('two imports at once: one goes away', async (t) => {
  const place = clusterPlace(t, { 'a.q': 'upload a root 1 1\n' })
  const ended = await Promise.allSettled([1, 2].map(() => importCluster(place.root, place.home)))
  t.strictSame(ended.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.strictSame(place.bodies('ftpc-upload'), ['upload a root 1 1\n'])
})

const here = hostname()
const table: readonly [what: string, text: string, takenOver: boolean][] = [
  ['of a process of this host that is gone', `fsq 1 ${here} 2026-01-01T00:00:00Z\n`, true],
  ['of another host', 'fsq 1 other.example 2026-01-01T00:00:00Z\n', false],
  ['of the programs of the cluster', '', false],
  ['of anybody', '12345\n', false],
]

for (const [what, text, takenOver] of table)
  t.test(`a lock ${what} is ${takenOver ? 'taken over' : 'left'}`, async (t) => {
    const place = clusterPlace(t)
    const cluster = openCluster(place.home)
    const path = place.write('.queue.lock', text)
    const messages: string[] = []
    const onMessage = (message: string): unknown => messages.push(message)
    if (!takenOver) {
      const error = { code: 'FSQ_CLUSTER_LOCKED', message: '--break-lock' }
      await t.rejects(lockQueue(cluster, { onMessage }), error)
      t.equal(readFileSync(path, 'utf8'), text)
    }
    const lock = await lockQueue(cluster, { onMessage, breakLock: !takenOver })
    t.match(messages, [takenOver ? 'is taken over' : 'is broken'])
    t.match(readFileSync(path, 'utf8'), `fsq ${process.pid} `)
    lock[Symbol.dispose]()
    t.notOk(existsSync(path))
  })

t.test('a lock that was broken is not removed by who had it', async (t) => {
  const place = clusterPlace(t)
  const cluster = openCluster(place.home)
  const lock = await lockQueue(cluster)
  place.write('other', 'theirs\n')
  const { renameSync } = await import('node:fs')
  renameSync(`${place.home}/other`, cluster.paths.lock)
  lock[Symbol.dispose]()
  t.equal(readFileSync(cluster.paths.lock, 'utf8'), 'theirs\n')
})

t.test('what a kill leaves beside the lock is swept', async (t) => {
  const place = clusterPlace(t)
  place.write('.queue.lock.fsq-0123456789abcdef', '')
  place.write('.queue.lock.fsq-mine', '')
  const lock = await lockQueue(openCluster(place.home))
  lock[Symbol.dispose]()
  t.strictSame(entriesOf(place.home), ['.deleted', '.queue', '.queue.lock.fsq-mine'])
})
