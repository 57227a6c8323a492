import { mkdirSync, symlinkSync } from 'node:fs'
import t from 'tap'
import * as names from '../../lib/posix/names.js'
import type * as Keys from '../../lib/upkeep/keys.js'
import { temporaryQueue } from '../helpers/temporary.js'

t.test('a key that another removes while it is looked at is gone, and no error', async (t) => {
  const { context } = await temporaryQueue(t)
  const { keyedFiles, isStaleKey, removeStaleKeys } = await t.mockImport<typeof Keys>(
    '../../lib/upkeep/keys.js',
    { '../../lib/posix/names.js': { ...names, isDirectory: () => true } },
  )
  const { ids } = context.paths
  const key = `${ids}/${'0'.repeat(64)}`
  mkdirSync(ids)
  symlinkSync('gone', key)
  for await (const file of keyedFiles(context)) t.fail(`there is ${file.key}`)
  t.notOk(isStaleKey(context, key))
  await removeStaleKeys(context)
})
