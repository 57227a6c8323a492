import { closeSync, openSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import * as files from '../../lib/posix/files.js'
import { systemError } from '../../lib/posix/system-error.js'
import type * as Wake from '../../lib/queue/wake.js'
import { temporaryDirectory } from '../helpers/temporary.js'

for (const [what, reopen, early] of [
  ['wakes once the lock is given up', () => openSync(tmpdir(), 'r'), 0],
  ['wakes at once where there is no /proc', () => undefined, 1],
  [
    'wakes at once where there are too many open files',
    () => {
      throw systemError('EMFILE', '/proc/self/fd/3')
    },
    1,
  ],
] as const) {
  t.test(`who asks for a later wake ${what}`, async (t) => {
    let wakes = 0
    const { LaterWake } = await t.mockImport<typeof Wake>('../../lib/queue/wake.js', {
      '../../lib/posix/files.js': { ...files, reopen, setOwnership: () => wakes++ },
    })
    const path = `${temporaryDirectory(t)}/item`
    writeFileSync(path, '')
    const fd = openSync(path, 'r')
    {
      using wake = new LaterWake(fd)
      wake.ask()
      t.equal(wakes, early)
    }
    t.equal(wakes, 1)
    closeSync(fd)
  })
}
