import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { openCluster } from '../../../lib/adapters/ftpcluster/cluster.js'
import { writeNote } from '../../../lib/adapters/ftpcluster/notes.js'
import { openStateDirectory } from '../../../lib/adapters/ftpcluster/state-directory.js'
import { clusterPlace } from '../../helpers/ftpcluster.js'

t.test('a note that a kill has cut short is removed, and others are not', async (t) => {
  const { home } = clusterPlace(t)
  const directory = `${home}/.fsq`
  mkdirSync(directory, { mode: 0o700 })
  await writeNote(directory, 'a.stored', {})
  writeFileSync(`${directory}/.draft-4242-c0ffee`, '{"na')
  openStateDirectory(openCluster(home))[Symbol.dispose]()
  t.strictSame(readdirSync(directory).sort(), ['a.stored', 'lock'])
})
