import { renameSync } from 'node:fs'
import t from 'tap'
import type * as UnderLock from '../../lib/upkeep/under-lock.js'
import { putEntry } from '../helpers/entries.js'
import { temporaryDirectory } from '../helpers/temporary.js'

for (const replaced of [true, false]) {
  const what = replaced ? 'has been replaced' : 'is gone'
  t.test(`a file that ${what} by the time that it is locked is left alone`, async (t) => {
    const directory = temporaryDirectory(t)
    const path = putEntry(directory, 'item')
    const flock = (): boolean => {
      renameSync(path, `${directory}/finished`)
      if (replaced) putEntry(directory, 'item')
      return true
    }
    const { underLock } = await t.mockImport<typeof UnderLock>('../../lib/upkeep/under-lock.js', {
      '../../lib/posix/native.js': { getNative: () => ({ flock }) },
    })
    const act = async (): Promise<boolean> => t.fail('it was touched')
    t.equal(await underLock(path, act), false)
  })
}
