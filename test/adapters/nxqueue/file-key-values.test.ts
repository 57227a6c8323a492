import { mkdirSync } from 'node:fs'
import t from 'tap'
import { fileKeyValues } from '../../../lib/adapters/nxqueue/file-key-values.js'
import { testKeyValues } from '../../helpers/key-values-suite.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

void t.test('values in files', async (t) => {
  await testKeyValues(t, (t) => {
    const directory = `${temporaryDirectory(t)}/q`
    mkdirSync(directory)
    return Promise.resolve(() => Promise.resolve(fileKeyValues(`${directory}/.nxqueue`)))
  })
})
