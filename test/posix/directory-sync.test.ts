import { mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type * as DirectorySync from '../../lib/posix/directory-sync.js'
import * as files from '../../lib/posix/files.js'
import { nextTurn } from '../../lib/turn.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** A disk whose fsync of a directory ends when the test says so. */
interface Disk {
  readonly changeDirectory: typeof DirectorySync.changeDirectory
  readonly changeUnsynced: typeof DirectorySync.changeUnsynced
  readonly syncDirectory: typeof DirectorySync.syncDirectory
  /** The fsyncs that run, each with what was in the directory when it began. */
  readonly syncs: { readonly saw: string[]; end(error?: Error): void }[]
  /** How many directories are held open. */
  readonly open: () => number
}

async function slowDisk(t: Test): Promise<Disk> {
  const syncs: Disk['syncs'] = []
  let open = 0
  const { changeDirectory, changeUnsynced, syncDirectory } = await t.mockImport<
    typeof DirectorySync
  >('../../lib/posix/directory-sync.js', {
    '../../lib/posix/files.js': {
      ...files,
      pinDirectory(path: string): files.PinnedDirectory {
        const pinned = files.pinDirectory(path)
        open++
        return {
          fd: pinned.fd,
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
  })
  return { changeDirectory, changeUnsynced, syncDirectory, syncs, open: () => open }
}

/** Every callback that can run without an fsync ending has run: a lot may wait for the end of a turn. */
async function settled(): Promise<void> {
  await nextTurn()
  await nextTurn()
}

/** What can run before this turn of the event loop ends has run. */
async function drained(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.nextTick(resolve)
  })
  for (let ticks = 0; ticks < 20; ticks++) await Promise.resolve()
}

t.test('one change waits for one fsync, which begins after it', async (t) => {
  const directory = temporaryDirectory(t)
  const { syncDirectory, syncs, open } = await slowDisk(t)
  writeFileSync(`${directory}/a`, '')
  let told = false
  const synced = syncDirectory(directory).then(() => (told = true))
  await settled()
  t.strictSame(
    syncs.map(({ saw }) => saw),
    [['a']],
  )
  t.notOk(told, 'nobody is told before it has ended')
  syncs[0]?.end()
  await synced
  t.equal(open(), 0)
})

t.test('changes during an fsync share the next one', async (t) => {
  const directory = temporaryDirectory(t)
  const { syncDirectory, syncs, open } = await slowDisk(t)
  const told: string[] = []
  const change = async (name: string): Promise<void> => {
    writeFileSync(`${directory}/${name}`, '')
    await syncDirectory(directory)
    told.push(name)
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
  changes.push(change('e'))
  syncs[1]?.end()
  await settled()
  t.strictSame(told, ['a', 'b', 'c', 'd'])
  syncs[2]?.end()
  await Promise.all(changes)
  t.strictSame(told, ['a', 'b', 'c', 'd', 'e'])
  t.equal(open(), 0)
})

t.test('changes in other directories do not wait', async (t) => {
  const { syncDirectory, syncs } = await slowDisk(t)
  const synced = [temporaryDirectory(t), temporaryDirectory(t)].map(async (directory) =>
    syncDirectory(directory),
  )
  await settled()
  t.equal(syncs.length, 2)
  for (const sync of syncs) sync.end()
  await Promise.all(synced)
})

t.test('an fsync that fails fails those who wait for it, and no others', async (t) => {
  const directory = temporaryDirectory(t)
  const { syncDirectory, syncs, open } = await slowDisk(t)
  const first = [syncDirectory(directory), syncDirectory(directory)]
  await settled()
  const second = syncDirectory(directory)
  syncs[0]?.end(new Error('EIO'))
  for (const synced of first) await t.rejects(synced, { message: 'EIO' })
  await settled()
  t.equal(syncs.length, 2, 'the one that failed is not tried again')
  syncs[1]?.end()
  await t.resolves(second)
  t.equal(open(), 0)
})

t.test('a directory that takes the place of another does not share its fsync', async (t) => {
  const parent = temporaryDirectory(t)
  const directory = `${parent}/d`
  const { syncDirectory, syncs, open } = await slowDisk(t)
  mkdirSync(directory)
  writeFileSync(`${directory}/a`, '')
  const running = syncDirectory(directory)
  await settled()
  const waiting = syncDirectory(directory)
  renameSync(directory, `${parent}/old`)
  mkdirSync(directory)
  writeFileSync(`${directory}/b`, '')
  const after = syncDirectory(directory)
  await settled()
  t.strictSame(
    syncs.map(({ saw }) => saw),
    [['a'], ['b']],
    'nor does it wait for it',
  )
  for (const sync of syncs) sync.end()
  await settled()
  t.strictSame(syncs[2]?.saw, ['a'])
  syncs[2]?.end()
  await Promise.all([running, waiting, after])
  t.equal(open(), 0)
})

t.test('what is no directory cannot be synced', async (t) => {
  const { syncDirectory } = await slowDisk(t)
  const directory = temporaryDirectory(t)
  writeFileSync(`${directory}/file`, '')
  await t.rejects(syncDirectory(`${directory}/missing`), { code: 'ENOENT' })
  await t.rejects(syncDirectory(`${directory}/file`), { code: 'ENOTDIR' })
})

/** Makes a file of that name, and takes it back. */
function newFile(directory: string, name: string): DirectorySync.DirectoryChange<string> {
  const path = `${directory}/${name}`
  return {
    make: () => {
      writeFileSync(path, '', { flag: 'wx' })
      return name
    },
    undo: () => {
      unlinkSync(path)
    },
    inPlace: true,
  }
}

t.test('changes that come during an fsync are made after it, and share the next', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDirectory, syncs, open } = await slowDisk(t)
  const change = async (name: string): Promise<string> =>
    changeDirectory(directory, newFile(directory, name))
  const first = change('a')
  await settled()
  const others = ['b', 'c'].map(change)
  await settled()
  t.strictSame(readdirSync(directory), ['a'])
  syncs[0]?.end()
  t.equal(await first, 'a')
  await settled()
  t.strictSame(syncs[1]?.saw, ['a', 'b', 'c'])
  syncs[1]?.end()
  t.strictSame(await Promise.all(others), ['b', 'c'])
  t.equal(open(), 0)
})

/** Whether a change is made before the turn of the event loop ends. */
async function isMadeAtOnce(disk: Disk, directory: string, name: string): Promise<boolean> {
  const { length } = disk.syncs
  const changed = disk.changeDirectory(directory, newFile(directory, name))
  await drained()
  const atOnce = disk.syncs.length > length
  await settled()
  disk.syncs.at(-1)?.end()
  await changed
  return atOnce
}

/** Makes changes that come together. */
async function makeTogether(disk: Disk, directory: string, names: string[]): Promise<void> {
  const changes = names.map(async (name) =>
    disk.changeDirectory(directory, newFile(directory, name)),
  )
  await settled()
  disk.syncs.at(-1)?.end()
  await Promise.all(changes)
}

t.test('of changes that come alone one in sixteen waits until the turn ends', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = await slowDisk(t)
  const waited: string[] = []
  for (const name of Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGH'))
    if (!(await isMadeAtOnce(disk, directory, name))) waited.push(name)
  t.strictSame(waited, ['p', 'F'])
})

t.test('where changes have come together, the next wait for each other', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = await slowDisk(t)
  const { changeDirectory, syncs } = disk
  await makeTogether(disk, directory, ['a', 'b'])
  const changes = [changeDirectory(directory, newFile(directory, 'c'))]
  await drained()
  changes.push(changeDirectory(directory, newFile(directory, 'd')))
  await settled()
  t.equal(syncs.length, 2)
  t.strictSame(syncs[1]?.saw, ['a', 'b', 'c', 'd'])
  syncs[1]?.end()
  t.strictSame(await Promise.all(changes), ['c', 'd'])
})

t.test('where changes come alone again, they wait no longer', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = await slowDisk(t)
  await makeTogether(disk, directory, ['a', 'b'])
  t.equal(await isMadeAtOnce(disk, directory, 'c'), false)
  t.equal(await isMadeAtOnce(disk, directory, 'd'), true)
})

t.test('changes in one directory do not tell whether those of another come together', async (t) => {
  const [directory, other] = [temporaryDirectory(t), temporaryDirectory(t)]
  const disk = await slowDisk(t)
  await makeTogether(disk, directory, ['a', 'b'])
  t.equal(await isMadeAtOnce(disk, other, 'a'), true)
  t.equal(await isMadeAtOnce(disk, directory, 'c'), false)
})

t.test('a change that cannot be made fails alone', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(`${directory}/a`, 'of somebody else')
  const { changeDirectory, syncs, open } = await slowDisk(t)
  const taken = changeDirectory(directory, newFile(directory, 'a'))
  const free = changeDirectory(directory, newFile(directory, 'b'))
  await t.rejects(taken, { code: 'EEXIST' })
  syncs[0]?.end()
  t.equal(await free, 'b')
  t.strictSame(readdirSync(directory), ['a', 'b'])
  await t.rejects(changeDirectory(directory, newFile(directory, 'a')), { code: 'EEXIST' })
  t.equal(syncs.length, 1, 'nothing is synced where nothing was changed')
  t.equal(open(), 0)
})

t.test('changes whose fsync fails are taken back', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeDirectory, syncs, open } = await slowDisk(t)
  const changes = ['a', 'b'].map(async (name) =>
    changeDirectory(directory, newFile(directory, name)),
  )
  await settled()
  syncs[0]?.end(new Error('EIO'))
  for (const change of changes) await t.rejects(change, { message: 'EIO' })
  t.strictSame(readdirSync(directory), [])
  t.equal(open(), 0)
})

t.test(
  'a change in a directory that is moved away meanwhile fails, if it goes by the path',
  async (t) => {
    const parent = temporaryDirectory(t)
    const directory = `${parent}/d`
    mkdirSync(directory)
    const { changeDirectory, syncs, open } = await slowDisk(t)
    const running = changeDirectory(directory, newFile(directory, 'a'))
    await settled()
    const byPath = changeDirectory(directory, newFile(directory, 'b'))
    const pinned = changeDirectory(directory, {
      make: ({ path }) => {
        writeFileSync(`${path}/c`, '')
      },
      undo: () => undefined,
    })
    renameSync(directory, `${parent}/old`)
    mkdirSync(directory)
    syncs[0]?.end()
    await running
    await t.rejects(byPath, { code: 'ENOENT' })
    syncs[1]?.end()
    await pinned
    t.strictSame(readdirSync(directory), [])
    t.strictSame(readdirSync(`${parent}/old`).sort(), ['a', 'c'])
    t.equal(open(), 0)
  },
)

/** Makes a file in a directory, which nothing takes back. */
function making(name: string, inPlace: boolean): DirectorySync.DirectoryChange<undefined> {
  return {
    make: ({ path }) => {
      writeFileSync(`${path}/${name}`, '')
    },
    undo: (_made, { path }) => {
      unlinkSync(`${path}/${name}`)
    },
    inPlace,
  }
}

t.test('changes that need not last share the open directory until the turn ends', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeUnsynced, open } = await slowDisk(t)
  changeUnsynced(directory, making('a', false))
  changeUnsynced(directory, making('b', true))
  t.equal(open(), 1)
  await settled()
  t.equal(open(), 0)
  changeUnsynced(directory, making('c', false))
  t.strictSame(readdirSync(directory), ['a', 'b', 'c'])
  await settled()
  t.equal(open(), 0)
})

t.test('a directory that was made anew in the same turn gets the next change', async (t) => {
  const directory = `${temporaryDirectory(t)}/done`
  const { changeUnsynced, open } = await slowDisk(t)
  mkdirSync(directory)
  changeUnsynced(directory, making('a', false))
  unlinkSync(`${directory}/a`)
  rmdirSync(directory)
  mkdirSync(directory)
  changeUnsynced(directory, making('b', false))
  changeUnsynced(directory, making('c', false))
  t.strictSame(readdirSync(directory), ['b', 'c'])
  t.equal(open(), 2)
  await settled()
  t.equal(open(), 0)
})

t.test('what must be in place is, where a directory was moved away in the same turn', async (t) => {
  const directory = `${temporaryDirectory(t)}/queue`
  const { changeUnsynced } = await slowDisk(t)
  mkdirSync(directory)
  changeUnsynced(directory, making('a', true))
  renameSync(directory, `${directory}.away`)
  t.throws(
    () => {
      changeUnsynced(directory, making('b', true))
    },
    { code: 'ENOENT' },
  )
  mkdirSync(directory)
  changeUnsynced(directory, making('c', true))
  t.strictSame(readdirSync(directory), ['c'])
  t.strictSame(readdirSync(`${directory}.away`), ['a'])
  await settled()
})

t.test('a change that fails does so once, where the directory is in its place', async (t) => {
  const directory = temporaryDirectory(t)
  const { changeUnsynced } = await slowDisk(t)
  changeUnsynced(directory, making('a', false))
  let tried = 0
  const failing = (): never => {
    tried++
    throw new Error('no')
  }
  t.throws(
    () => {
      changeUnsynced(directory, { make: failing, undo: failing })
    },
    { message: 'no' },
  )
  t.equal(tried, 1)
  await settled()
})
