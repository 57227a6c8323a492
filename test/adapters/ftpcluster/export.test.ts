import { readFileSync } from 'node:fs'
import t from 'tap'
import { asideFor } from '../../../lib/adapters/ftpcluster/aside.js'
import { exportCluster, type ExportEvent } from '../../../lib/adapters/ftpcluster/export.js'
import { importCluster } from '../../../lib/adapters/ftpcluster/import.js'
import { parseJob } from '../../../lib/adapters/ftpcluster/job.js'
import { type ClusterPlace, clusterPlace } from '../../helpers/ftpcluster.js'
import { lockedDescriptor } from '../../helpers/lock.js'

t.jobs = 4

/** What is in the queue files, by their names without what is random in them. */
function linesIn(place: ClusterPlace): Record<string, string[]> {
  const files = place.files().map((name) => {
    const lines = readFileSync(`${place.home}/.queue/${name}`, 'latin1').match(/.*\n/g) ?? []
    return [name.replace(/[0-9a-f]{4}\.q$/, 'X.q'), lines] as const
  })
  return Object.fromEntries(files)
}

const first = [
  'upload a root 1 1',
  'upload \tb root 1 1 n:21,m:22',
  'store %FF root 1 1',
  'upload c root 1 1',
  'replicate d 1 1',
  'remove n:21 x',
  'delete n:21 y',
  'mystery \xff',
]
const second = ['store e root 1 1']

t.test('what was imported is exported, byte for byte and as old', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const bytes = (lines: readonly string[]): Buffer =>
    Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')
  place.write('.queue/uploads-030210-033921-c0de.q', bytes(first))
  place.write('.queue/store-20030210-033922.q', bytes(second))
  await importCluster(place.root, place.home)
  t.strictSame(place.files(), [])
  t.strictSame(await exportCluster(place.root, place.home), { files: 6, jobs: 9, left: 0 })
  const of = (type: string): string[] =>
    first
      .filter((line) => parseJob(Buffer.from(line, 'latin1')).type === type)
      .map((line) => `${line}\n`)
  t.strictSame(linesIn(place), {
    'uploads-030210-033921-X.q': of('upload'),
    'store-030210-033921-X.q': of('store'),
    'store-030210-033922-X.q': ['store e root 1 1\n'],
    'replicate-030210-033921-X.q': of('replicate'),
    'remove-030210-033921-X.q': of('remove'),
    'opaque-030210-033921-X.q': of('opaque'),
  })
  for (const type of ['upload', 'store', 'replicate', 'remove', 'opaque'])
    t.strictSame(place.bodies(`ftpc-${type}`), [], `${type}: the items are done`)
  t.strictSame(await exportCluster(place.root, place.home), { files: 0, jobs: 0, left: 0 })
  const again = await importCluster(place.root, place.home)
  t.match(again, { files: 6, added: 9, present: 0 })
})

t.test('a job for several nodes is one line', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const queue = await place.root.install('ftpc-store', { hosts: ['n:21', 'm:22'] })
  const name = (number: number, tries = 0): string =>
    `_20030210033921_${number}_7_cluster_${tries}_store`
  await queue.host('n:21').receive(name(1), 'store a root 1 1\n')
  await queue.host('m:22').receive(name(1, 3), 'store a root 1 1\n')
  await queue.host('m:22').receive(name(2), 'store b root 1 1\n')
  await queue.host('n:21').receive(name(2), 'store c root 1 1\n')
  await queue.down()
  await queue.host('m:22').receive('_20030210033921_3_7_other_0', 'store d root 1 1\n')
  t.strictSame(await exportCluster(place.root, place.home), { files: 1, jobs: 3, left: 0 })
  t.strictSame(linesIn(place), {
    'store-030210-033921-X.q': ['a', 'b', 'c'].map((x) => `store ${x} root 1 1\n`),
  })
  t.strictSame(place.bodies('ftpc-store/hosts/n:21'), [])
  t.strictSame(place.bodies('ftpc-store/hosts/m:22'), ['store d root 1 1\n'], "another cluster's")
})

t.test('what somebody is working on is left, everywhere', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const queue = await place.root.install('ftpc-store', { hosts: ['n:21', 'm:22'] })
  const id = '_20030210033921_1_7_cluster_0_store'
  for (const host of ['n:21', 'm:22']) await queue.host(host).receive(id, 'store a root 1 1\n')
  lockedDescriptor(t, `${queue.path}/hosts/m:22/queue/${id}`)
  const events: ExportEvent[] = []
  const result = await exportCluster(place.root, place.home, {
    onEvent: (event) => events.push(event),
  })
  t.strictSame(result, { files: 0, jobs: 0, left: 1 })
  t.match(events, [{ type: 'left', id, reason: 'somebody is working on it' }])
  t.strictSame(place.files(), [])
  t.strictSame(place.bodies('ftpc-store/hosts/n:21'), ['store a root 1 1\n'])
})

t.test('thousands of jobs of one second', { buffered: true }, async (t) => {
  const text = Array.from({ length: 1200 }, (_, at) => `store f${at} root 1 1\n`)
  const place = clusterPlace(t, { 'store-030210-033921.q': text.join('') })
  await importCluster(place.root, place.home)
  t.strictSame(await exportCluster(place.root, place.home), { files: 3, jobs: 1200, left: 0 })
  const all = place.files().map((name) => readFileSync(`${place.home}/.queue/${name}`, 'utf8'))
  t.strictSame((all.join('').match(/.*\n/g) ?? []).sort(), text.sort())
})

t.test('what an import left aside is a queue file again', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  await place.root.install('q')
  place.write(`.queue/${asideFor('store-1', new Date(1e12))}`, 'store a root 1 1\n')
  place.write('.queue/.fsq-new-0123456789abcdef', 'half')
  await exportCluster(place.root, place.home)
  t.strictSame(place.files(), ['store-1'])
})
