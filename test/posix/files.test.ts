import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type * as Files from '../../lib/posix/files.js'
import {
  createFile,
  isSameFile,
  markFile,
  openDirectory,
  openEmptied,
  openEntry,
  openRegular,
  openSharedRecord,
  pinDirectory,
  readPieces,
  setOwnership,
  setTimes,
  skipBytes,
  writeFully,
} from '../../lib/posix/files.js'
import { makeFifo } from '../../lib/posix/fifo.js'
import { bytesOf } from '../helpers/bytes.js'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, temporaryDirectory, underUmask } from '../helpers/temporary.js'

const closing = (t: Test, fd: number): number => {
  t.teardown(() => {
    closeSync(fd)
  })
  return fd
}

const temporaryFile = (t: Test, content: string | Uint8Array = ''): string => {
  const path = `${temporaryDirectory(t)}/file`
  writeFileSync(path, content)
  return path
}

const dangling = (t: Test): string => {
  const path = `${temporaryDirectory(t)}/link`
  symlinkSync('target', path)
  return path
}

t.test('a file is created once', async (t) => {
  const path = `${temporaryDirectory(t)}/file`
  closing(t, createFile(path, 0o600))
  t.throws(() => createFile(path, 0o600), { code: 'EEXIST' })
})

t.test('a file is not created through a link that leads nowhere', async (t) => {
  const path = dangling(t)
  t.throws(() => createFile(path, 0o600), { code: 'EEXIST' })
  t.throws(
    () => {
      markFile(path, { mode: 0o600 })
    },
    { code: 'ELOOP' },
  )
  t.throws(() => statSync(path), { code: 'ENOENT' })
})

t.test('a file that is marked keeps its content', async (t) => {
  const path = temporaryFile(t, 'precious')
  markFile(path, { mode: 0o600 })
  t.equal(readFileSync(path, 'utf8'), 'precious')
  t.equal(modeOf(path), '600')
})

t.test('a record for several users has its mode, whatever the umask', async (t) => {
  const path = `${temporaryDirectory(t)}/record`
  await underUmask(0o077, () => {
    closing(t, openSharedRecord(path, 0o660))
  })
  t.equal(modeOf(path), '660')
  fs.chmodSync(path, 0o600)
  await writeFully(closing(t, openSharedRecord(path, 0o660)), Buffer.from('a'))
  await writeFully(closing(t, openSharedRecord(path, 0o660)), Buffer.from('b'))
  t.equal(modeOf(path), '600', 'and one that is there keeps its own')
  t.equal(readFileSync(path, 'utf8'), 'ab', 'and is added to')
  t.throws(() => openSharedRecord(dangling(t), 0o660), { code: 'ELOOP' })
})

t.test('nothing is left of a record that could not get its mode', async (t) => {
  const files = await t.mockImport<typeof Files>('../../lib/posix/files.js', {
    'node:fs': {
      ...fs,
      fchmodSync: () => {
        throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
      },
    },
  })
  const directory = temporaryDirectory(t)
  const before = entriesOf('/dev/fd').length
  t.throws(() => files.openSharedRecord(`${directory}/record`, 0o660), { code: 'EPERM' })
  t.strictSame(entriesOf(directory), [])
  t.equal(entriesOf('/dev/fd').length, before, 'nor is it open')
})

t.test("a file with two names is not marked: it may be anybody's", async (t) => {
  const path = temporaryFile(t)
  linkSync(path, `${path}-link`)
  const before = modeOf(path)
  t.throws(
    () => {
      markFile(`${path}-link`, { mode: 0o777 })
    },
    { code: 'EMLINK' },
  )
  t.equal(modeOf(path), before)
})

t.test('a link is not an entry', async (t) => {
  const path = temporaryFile(t)
  symlinkSync(path, `${path}-link`)
  t.throws(() => openEntry(`${path}-link`), { code: 'ELOOP' })
})

t.test('a FIFO without a writer does not block', async (t) => {
  const path = `${temporaryDirectory(t)}/fifo`
  makeFifo(path, { mode: 0o600 })
  t.ok(closing(t, openEntry(path)) > 0)
})

t.test('a directory is opened itself, not through a link', async (t) => {
  const directory = temporaryDirectory(t)
  symlinkSync('.', `${directory}/link`)
  t.ok(closing(t, openDirectory(directory)) > 0)
  t.throws(() => openDirectory(`${directory}/link`), { code: /^(ENOTDIR|ELOOP)$/ })
})

t.test('a file has its mode, whatever the umask', async (t) => {
  for (const mask of [0o077, 0o000]) {
    for (const mode of [0o666, 0o4755, 0o2770, 0]) {
      const path = temporaryFile(t)
      await underUmask(mask, () => {
        const fd = closing(t, openSync(path, 'r+'))
        setOwnership(fd, { uid: process.getuid?.(), gid: process.getgid?.(), mode })
      })
      t.equal(modeOf(path), mode.toString(8), 'the bits that chown(2) clears too')
    }
  }
})

const unprivileged = process.getuid?.() === 0 ? false : 'only root gives files away'

t.test('a file gets owner and group, or one of them', { skip: unprivileged }, async (t) => {
  const path = temporaryFile(t)
  const fd = closing(t, openSync(path, 'r+'))
  setOwnership(fd, { uid: 12, gid: 34, mode: 0o640 })
  t.match(statSync(path), { uid: 12, gid: 34 })
  setOwnership(fd, { uid: 13, mode: 0o640 })
  t.match(statSync(path), { uid: 13, gid: 34 })
  setOwnership(fd, { gid: 35, mode: 0o640 })
  t.match(statSync(path), { uid: 13, gid: 35 })
})

for (const length of [0, 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024]) {
  t.test(`${length} bytes are written whole`, async (t) => {
    const path = temporaryFile(t)
    const bytes = bytesOf(length)
    const fd = closing(t, openSync(path, 'w'))
    await writeFully(fd, bytes)
    await writeFully(fd, Buffer.from('end'))
    t.ok(readFileSync(path).equals(Buffer.concat([bytes, Buffer.from('end')])))
  })
}

t.test('bytes that the system takes in part are written whole', async (t) => {
  const calls: number[] = []
  /** Takes a third of what it is offered, as a signal or a full pipe may cause. */
  const part = (length: number): number => {
    const taken = Math.ceil(length / 3)
    calls.push(taken)
    return taken
  }
  const writeSync = (fd: number, bytes: Uint8Array, offset: number, length: number): number =>
    fs.writeSync(fd, bytes, offset, part(length))
  const write = Object.assign(() => undefined, {
    [promisify.custom]: async (...[fd, bytes, offset, length]: Parameters<typeof writeSync>) => ({
      bytesWritten: fs.writeSync(fd, bytes, offset, part(length)),
    }),
  })
  const files = await t.mockImport<typeof Files>('../../lib/posix/files.js', {
    'node:fs': { ...fs, writeSync, write },
  })
  const path = temporaryFile(t)
  const bytes = bytesOf(300_000)
  await files.writeFully(closing(t, openSync(path, 'w')), bytes)
  t.ok(readFileSync(path).equals(bytes))
  t.ok(calls.length > 10)
})

const readAll = async (fd: number, from?: number): Promise<Buffer> => {
  const pieces: Buffer[] = []
  for await (const piece of readPieces(fd, from)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

t.test('pieces are the whole file, in order', async (t) => {
  for (const length of [0, 1, 256 * 1024, 600_000]) {
    const bytes = bytesOf(length)
    const fd = closing(t, openEntry(temporaryFile(t, bytes)))
    t.ok((await readAll(fd)).equals(bytes), `${length} bytes`)
  }
})

t.test('pieces begin where the descriptor stands', async (t) => {
  const fd = closing(t, openEntry(temporaryFile(t, 'abcdef')))
  readSync(fd, Buffer.alloc(2))
  t.equal((await readAll(fd)).toString(), 'cdef')
  t.equal((await readAll(fd)).toString(), '', 'and move it to the end')
})

t.test('pieces from a given place leave the descriptor where it stands', async (t) => {
  const fd = closing(t, openEntry(temporaryFile(t, 'abcdef')))
  t.equal((await readAll(fd, 0)).toString(), 'abcdef')
  t.equal((await readAll(fd, 4)).toString(), 'ef')
  t.equal((await readAll(fd)).toString(), 'abcdef')
})

t.test('pieces of a file that shrinks end', async (t) => {
  const path = temporaryFile(t, bytesOf(600_000))
  const fd = closing(t, openEntry(path))
  let length = 0
  for await (const piece of readPieces(fd, 0)) {
    length += piece.length
    truncateSync(path, 1000)
  }
  t.equal(length, 256 * 1024)
})

t.test('a path names the open file until another takes its place', async (t) => {
  const path = temporaryFile(t, 'a')
  const fd = closing(t, openEntry(path))
  t.equal(isSameFile(fd, path), true)
  fs.linkSync(path, `${path}-link`)
  t.equal(isSameFile(fd, `${path}-link`), true, 'a second name is the same file')
  unlinkSync(path)
  t.equal(isSameFile(fd, path), false, 'nothing is there')
  writeFileSync(path, 'a')
  t.equal(isSameFile(fd, path), false, 'another file is there')
  unlinkSync(path)
  symlinkSync('file-link', path)
  t.equal(isSameFile(fd, path), false, 'a link that leads to it is there')
})

t.test('the times of an open file are set', async (t) => {
  const path = temporaryFile(t)
  setTimes(closing(t, openEntry(path)), new Date(86_400_000))
  t.match(statSync(path), { mtimeMs: 86_400_000, atimeMs: 86_400_000 })
})

t.test('a directory that is pinned stays itself when its path is taken', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(`${directory}/a`)
  writeFileSync(`${directory}/a/inside`, '')
  const pinned = pinDirectory(`${directory}/a`)
  t.teardown(pinned.close)
  renameSync(`${directory}/a`, `${directory}/b`)
  mkdirSync(`${directory}/a`)
  const skip = process.platform === 'linux' ? false : 'only Linux has /proc/self/fd'
  t.strictSame(entriesOf(pinned.path), ['inside'], { skip })
})

t.test(
  'a regular file is opened through a link; a directory, a FIFO or a device is not',
  async (t) => {
    const directory = t.testdir({ file: 'text', inner: {} })
    symlinkSync('file', `${directory}/link`)
    spawnSync('mkfifo', [`${directory}/fifo`])
    const fd = openRegular(`${directory}/link`)
    t.equal(fd === undefined ? '' : readFileSync(fd, 'utf8'), 'text')
    if (fd !== undefined) closeSync(fd)
    for (const path of [`${directory}/inner`, `${directory}/fifo`, '/dev/null'])
      t.equal(openRegular(path), undefined, path)
    t.throws(() => openRegular(`${directory}/missing`), { code: 'ENOENT' })
  },
)

t.test('who inherits a descriptor reads from behind what was skipped', async (t) => {
  const directory = t.testdir({ file: 'x'.repeat(100_000) + 'rest' })
  const fd = openSync(`${directory}/file`, 'r')
  skipBytes(fd, 100_000)
  t.equal(spawnSync('cat', { stdio: [fd, 'pipe', 'inherit'] }).stdout.toString(), 'rest')
  skipBytes(fd, 1)
  closeSync(fd)
})

t.test('a file is emptied when it is opened to be written anew, a link is refused', async (t) => {
  const directory = t.testdir({ file: 'old' })
  const fd = openEmptied(`${directory}/file`, 0o600)
  t.equal(statSync(`${directory}/file`).size, 0)
  closeSync(fd)
  symlinkSync('file', `${directory}/link`)
  t.throws(() => openEmptied(`${directory}/link`, 0o600), { code: 'ELOOP' })
})
