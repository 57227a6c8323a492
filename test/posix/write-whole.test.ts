import { linkSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type * as Sync from '../../lib/posix/sync.js'
import type * as WriteWhole from '../../lib/posix/write-whole.js'
import { writeWhole } from '../../lib/posix/write-whole.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const bytes = Buffer.from('new')

function place(t: Test): { directory: string; path: string; file: WriteWhole.WholeFile } {
  const directory = temporaryDirectory(t)
  return {
    directory,
    path: `${directory}/file`,
    file: { draft: `${directory}/.draft-`, mode: 0o640, lasts: true },
  }
}

t.test('a file is made with its mode, whatever the umask, and nothing beside it', async (t) => {
  const { directory, path, file } = place(t)
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  await writeWhole(path, bytes, file)
  t.equal(readFileSync(path, 'utf8'), 'new')
  t.equal(statSync(path).mode & 0o7777, 0o640)
  t.strictSame(readdirSync(directory), ['file'])
})

t.test('a link in its place is replaced, and what it leads to stays', async (t) => {
  const { directory, path, file } = place(t)
  for (const link of [symlinkSync, linkSync]) {
    const other = `${directory}/${link.name}`
    writeFileSync(other, 'old')
    link(other, `${path}-${link.name}`)
    await writeWhole(`${path}-${link.name}`, bytes, file)
    t.equal(readFileSync(`${path}-${link.name}`, 'utf8'), 'new')
    t.equal(readFileSync(other, 'utf8'), 'old', link.name)
  }
})

t.test('where it cannot be synced the old file stays, and nothing beside it', async (t) => {
  const { directory, path, file } = place(t)
  writeFileSync(path, 'old')
  const failing = await t.mockImport<typeof WriteWhole>('../../lib/posix/write-whole.js', {
    '../../lib/posix/sync.js': {
      sync: async () => Promise.reject(new Error('EIO')),
    } satisfies Partial<typeof Sync>,
  })
  await t.rejects(failing.writeWhole(path, bytes, file), { message: 'EIO' })
  t.equal(readFileSync(path, 'utf8'), 'old')
  t.strictSame(readdirSync(directory), ['file'])
  await failing.writeWhole(path, bytes, { ...file, lasts: false })
  t.equal(readFileSync(path, 'utf8'), 'new', 'which it need not be')
})
