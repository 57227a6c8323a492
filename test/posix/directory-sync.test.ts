import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type * as DirectorySync from '../../lib/posix/directory-sync.js'
import * as files from '../../lib/posix/files.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** A disk whose fsync of a directory ends when the test says so. */
interface Disk {
  readonly changeDurably: typeof DirectorySync.changeDurably
  /** The fsyncs that run, each with what was in the directory when it began. */
  readonly syncs: { readonly saw: string[]; end(error?: Error): void }[]
  /** How many directories are held open. */
  readonly open: () => number
}

async function slowDisk(t: Test): Promise<Disk> {
  const syncs: Disk['syncs'] = []
  let open = 0
  const { changeDurably } = await t.mockImport<typeof DirectorySync>(
    '../../lib/posix/directory-sync.js',
    {
      '../../lib/posix/files.js': {
        ...files,
        pinDirectory(path: string): files.PinnedDirectory {
          const pinned = files.pinDirectory(path)
          open++
          return {
            path: pinned.path,
            sync: async () =>
              new Promise((resolve, reject) => {
                syncs.push({
                  saw: readdirSync(pinned.path).sort(),
                  end(error) {
                    if (error === undefined) resolve()
                    else reject(error)
                  },
                })
              }),
            close() {
              open--
              pinned.close()
            },
          }
        },
      },
    },
  )
  return { changeDurably, syncs, open: () => open }
}

/** A change: a new file; tells its name once it is durable. */
const touch =
  (name: string) =>
  (path: string): string => {
    writeFileSync(`${path}/${name}`, '')
    return name
  }

/** Every callback that can run without an fsync ending has run. */
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('one change waits for one fsync, which begins after it', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDurably, syncs, open } = await slowDisk(t)
  let told: string | undefined
  const change = changeDurably(directory, touch('a')).then((name) => (told = name))
  await settled()
  t.strictSame(
    syncs.map(({ saw }) => saw),
    [['a']],
  )
  t.equal(told, undefined, 'nobody is told before it has ended')
  syncs[0]?.end()
  t.equal(await change, 'a')
  t.equal(open(), 0)
})

t.test('changes during an fsync share the next one', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDurably, syncs, open } = await slowDisk(t)
  const told: string[] = []
  const change = async (name: string): Promise<void> => {
    told.push(await changeDurably(directory, touch(name)))
  }
  const changes = [change('a')]
  await settled()
  for (const name of ['b', 'c', 'd']) changes.push(change(name))
  await settled()
  t.equal(syncs.length, 1, 'one fsync at a time')
  syncs[0]?.end()
  await settled()
  t.strictSame(told, ['a'], 'the fsync that ran before a change does not cover it')
  t.strictSame(
    syncs.map(({ saw }) => saw),
    [['a'], ['a', 'b', 'c', 'd']],
  )
  syncs[1]?.end()
  await Promise.all(changes)
  t.strictSame(told, ['a', 'b', 'c', 'd'])
  t.equal(open(), 0)
})

t.test('changes in other directories do not wait', async (t) => {
  const { changeDurably, syncs } = await slowDisk(t)
  const changes = [temporaryDirectory(t), temporaryDirectory(t)].map(async (directory) =>
    changeDurably(directory, touch('a')),
  )
  await settled()
  t.equal(syncs.length, 2)
  for (const sync of syncs) sync.end()
  t.strictSame(await Promise.all(changes), ['a', 'a'])
})

t.test('an fsync that fails fails the changes that it covers, and no others', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDurably, syncs, open } = await slowDisk(t)
  const first = ['a', 'b'].map(async (name) => changeDurably(directory, touch(name)))
  await settled()
  const second = changeDurably(directory, touch('c'))
  syncs[0]?.end(new Error('EIO'))
  for (const change of first) await t.rejects(change, { message: 'EIO' })
  await settled()
  t.equal(syncs.length, 2, 'the one that failed is not tried again')
  syncs[1]?.end()
  t.equal(await second, 'c')
  t.equal(open(), 0)
})

t.test('a change that fails is not synced, and does not disturb others', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDurably, syncs, open } = await slowDisk(t)
  const failing = async (): Promise<never> =>
    changeDurably(directory, () => {
      throw new Error('no')
    })
  await t.rejects(failing(), { message: 'no' })
  await settled()
  t.equal(syncs.length, 0)
  t.equal(open(), 0)
  const [failed, change] = [failing(), changeDurably(directory, touch('a'))]
  await t.rejects(failed, { message: 'no' })
  await settled()
  t.equal(syncs.length, 1)
  syncs[0]?.end()
  t.equal(await change, 'a')
})

t.test('a directory that takes the place of another is another directory', async (t) => {
  const parent = temporaryDirectory(t)
  const directory = `${parent}/d`
  mkdirSync(directory)
  const { changeDurably, syncs } = await slowDisk(t)
  const before = changeDurably(directory, touch('a'))
  await settled()
  renameSync(directory, `${parent}/old`)
  mkdirSync(directory)
  const after = changeDurably(directory, touch('b'))
  syncs[0]?.end()
  await before
  await settled()
  t.strictSame(syncs[1]?.saw, ['b'])
  syncs[1]?.end()
  await after
})

t.test('a directory that is missing fails the change', async (t) => {
  const { changeDurably } = await slowDisk(t)
  const directory = `${temporaryDirectory(t)}/missing`
  await t.rejects(changeDurably(directory, touch('a')), { code: 'ENOENT' })
})
