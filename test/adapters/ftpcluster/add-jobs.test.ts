import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { addFile } from '../../../lib/adapters/ftpcluster/add-jobs.js'
import { openCluster } from '../../../lib/adapters/ftpcluster/cluster.js'
import { exportCluster } from '../../../lib/adapters/ftpcluster/export.js'
import { importCluster } from '../../../lib/adapters/ftpcluster/import.js'
import { takeFromFiles } from '../../../lib/adapters/ftpcluster/take-jobs.js'
import { type ClusterPlace, clusterPlace } from '../../helpers/ftpcluster.js'

const ignore = (): void => undefined

/** Who takes the lock of the queue. */
const others: Readonly<Record<string, (place: ClusterPlace) => Promise<unknown>>> = {
  'jobs are taken out of the files': ({ home }) =>
    takeFromFiles(openCluster(home), '.', async () => undefined, ignore),
  'the files are imported': ({ root, home }) => importCluster(root, home),
  'the items are exported': ({ root, home }) => exportCluster(root, home),
}

for (const [what, act] of Object.entries(others))
  t.test(`jobs that come slowly are added as a file although ${what}`, async (t) => {
    const place = clusterPlace(t)
    await place.root.install('q')
    const source = new PassThrough()
    const adding = addFile(openCluster(place.home), source, ignore)
    const [hidden = ''] = place.files()
    t.match(hidden, /^\.fsq-new-/)
    await act(place)
    t.strictSame(place.files(), [hidden])
    source.end('upload a root 1 1\n')
    t.equal(await adding, 1)
    const [file = ''] = place.files()
    t.equal(readFileSync(`${place.home}/.queue/${file}`, 'latin1'), 'upload a root 1 1\n')
    t.match(place.files(), [/^queue-.*\.q$/])
  })
