import * as fs from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type * as Sync from '../../lib/posix/sync.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** A disk that notes where each sync is made, and takes for it as long as the test says. */
interface Disk {
  readonly sync: typeof Sync.sync
  readonly expectQuickDisks: typeof Sync.expectQuickDisks
  readonly made: ('pool' | 'thread')[]
  /** How long each sync takes, in milliseconds of its own clock. */
  takes: number
  /** The error of the next sync. */
  breaks: Error | undefined
  /** What the syncs of the pool wait for. */
  held: Promise<void> | undefined
}

async function notingDisk(t: Test): Promise<Disk> {
  let clock = process.hrtime.bigint()
  t.intercept(process.hrtime, 'bigint', { value: () => clock })
  const made: Disk['made'] = []
  const disk: Omit<Disk, keyof typeof Sync> = { made, takes: 0, breaks: undefined, held: undefined }
  const work = (): void => {
    clock += BigInt(disk.takes * 1_000_000)
    const { breaks } = disk
    disk.breaks = undefined
    if (breaks !== undefined) throw breaks
  }
  const onPool = async (): Promise<void> => {
    made.push('pool')
    await disk.held
    work()
  }
  const module = await t.mockImport<typeof Sync>('../../lib/posix/sync.js', {
    'node:fs': {
      ...fs,
      fsyncSync() {
        made.push('thread')
        work()
      },
      fsync(_fd: number, done: (error?: unknown) => void) {
        void onPool().then(() => {
          done()
        }, done)
      },
    },
  })
  return Object.assign(disk, module)
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((r) => (resolve = r))
  return { promise, resolve }
}

function openFile(t: Test, size = 0): number {
  const path = `${temporaryDirectory(t)}/file`
  fs.writeFileSync(path, '')
  fs.truncateSync(path, size)
  return opened(t, path)
}

function opened(t: Test, path: string): number {
  const fd = fs.openSync(path, 'r')
  t.teardown(() => {
    fs.closeSync(fd)
  })
  return fd
}

t.test(
  'the first sync on a device is made by the pool, those after it by the thread',
  async (t) => {
    const { sync, made } = await notingDisk(t)
    const fd = openFile(t)
    for (let i = 0; i < 3; i++) await sync(fd)
    t.same(made, ['pool', 'thread', 'thread'])
  },
)

t.test('a program lets the thread make the first too, until the disk is slow', async (t) => {
  const disk = await notingDisk(t)
  const fd = openFile(t)
  disk.expectQuickDisks()
  disk.takes = 5
  for (let i = 0; i < 2; i++) await disk.sync(fd)
  t.same(disk.made, ['thread', 'pool'])
})

t.test('syncs that are asked for at the same time are made by the pool', async (t) => {
  const { sync, made } = await notingDisk(t)
  const fd = openFile(t)
  await sync(fd)
  await Promise.all([sync(fd), sync(fd), sync(fd)])
  t.same(made.slice(1), ['pool', 'pool', 'pool'])
})

t.test('a sync that is asked for while another runs is made by the pool', async (t) => {
  const disk = await notingDisk(t)
  const fd = openFile(t)
  const { promise, resolve } = withResolvers()
  disk.held = promise
  const first = disk.sync(fd)
  while (disk.made.length === 0) await setImmediate()
  const second = disk.sync(fd)
  while (disk.made.length === 1) await setImmediate()
  resolve()
  await Promise.all([first, second])
  t.same(disk.made, ['pool', 'pool'])
})

t.test('after a sync that took long the pool makes them, until one was quick', async (t) => {
  const disk = await notingDisk(t)
  const fd = openFile(t)
  await disk.sync(fd)
  disk.takes = 5
  await disk.sync(fd)
  await disk.sync(fd)
  disk.takes = 0
  await disk.sync(fd)
  await disk.sync(fd)
  t.same(disk.made, ['pool', 'thread', 'pool', 'pool', 'thread'])
})

t.test('a large file is synced by the pool, a directory of any size by the thread', async (t) => {
  const { sync, made } = await notingDisk(t)
  await sync(openFile(t))
  await sync(openFile(t, 1024 * 1024))
  const directory = temporaryDirectory(t)
  await sync(opened(t, directory))
  t.same(made, ['pool', 'pool', 'thread'])
})

for (const where of ['pool', 'thread'] as const) {
  t.test(`a sync that fails on the ${where} fails once, and the next is made anew`, async (t) => {
    const disk = await notingDisk(t)
    const fd = openFile(t)
    if (where === 'thread') await disk.sync(fd)
    const before = disk.made.length
    disk.breaks = Object.assign(new Error('EIO'), { code: 'EIO' })
    await t.rejects(disk.sync(fd), { code: 'EIO' })
    t.same(disk.made.slice(before), [where])
    await disk.sync(fd)
    t.equal(disk.made.length, before + 2)
  })
}

t.test('many syncs in a row give everything else a turn every few milliseconds', async (t) => {
  const disk = await notingDisk(t)
  const fd = openFile(t)
  disk.takes = 0.5
  let turns = 0
  const others = setInterval(() => turns++, 0)
  await disk.sync(fd)
  for (let i = 0; i < 1000; i++) await disk.sync(fd)
  clearInterval(others)
  t.same(disk.made.slice(1), Array(1000).fill('thread'))
  t.ok(turns > 1, String(turns))
})
