import {
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { endianness } from 'node:os'
import t from 'tap'
import { close, type FileStat, isSameFile, openEntry, openIfThere } from '../../lib/posix/files.js'
import { glanceAt } from '../../lib/posix/glance.js'
import { getNative } from '../../lib/posix/native.js'
import { loadKoffi } from '../../lib/posix/native-koffi.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const { open, fstat, lstat } = loadKoffi()

if (process.platform !== 'linux' || endianness() !== 'LE') {
  t.plan(0, 'these calls are made on Linux alone')
  process.exit()
}
if (open === undefined || fstat === undefined || lstat === undefined)
  throw new Error('the C library of this Linux has no statx(2)')

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** What is looked at, of ours or of Node.js's. */
function seen(stat: FileStat | 'missing' | undefined): unknown {
  if (stat === undefined || stat === 'missing') return 'missing'
  const { dev, ino, size, mtimeMs, ctimeMs } = stat
  const types = { isFile: stat.isFile(), isDirectory: stat.isDirectory() }
  return { dev, ino, size, mtimeMs, ctimeMs, ...types }
}

t.test('what is said of a name is what Node.js says', async (t) => {
  const directory = temporaryDirectory(t)
  const file = `${directory}/file`
  writeFileSync(file, 'a body')
  symlinkSync('file', `${directory}/link`)
  symlinkSync('nothing', `${directory}/dangling`)
  mkdirSync(`${directory}/directory`)
  truncateSync(file, 2 ** 33 + 1) // Which takes no room.
  const bytes = Buffer.concat([Buffer.from(`${directory}/`), Buffer.of(0xff)])
  writeFileSync(bytes, '')
  const times = {
    'before the epoch': -1.5,
    'after 2038': 2 ** 33 + 0.25,
    'with a fraction': 1_700_000_000.123456,
  }
  for (const [name, time] of Object.entries(times)) {
    writeFileSync(`${directory}/${name}`, '')
    utimesSync(`${directory}/${name}`, time, time)
  }
  const names = ['file', 'link', 'dangling', 'directory', 'missing', ...Object.keys(times)]
  const paths = [...names.map((name) => `${directory}/${name}`), bytes, '/proc/self', '/dev/null']
  for (const path of paths) {
    const expected = lstatSync(path, { throwIfNoEntry: false })
    t.strictSame(seen(lstat(path)), seen(expected), path.toString('latin1'))
  }
})

t.test('what is said of a descriptor is what Node.js says', async (t) => {
  for (const path of [temporaryDirectory(t), '/dev/null', process.execPath]) {
    const fd = openEntry(path)
    t.strictSame(seen(fstat(fd)), seen(fstatSync(fd)), path)
    close(fd)
  }
})

t.test('a file is opened, and closed in programs that are started', async (t) => {
  const path = `${temporaryDirectory(t)}/file`
  writeFileSync(path, 'a body')
  const fd = Number(open(path, flags))
  t.equal(readFileSync(fd, 'utf8'), 'a body')
  t.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /^flags:\s+02[0-7]{6}$/m, 'O_CLOEXEC')
  close(fd)
})

t.test('what is not there is missing', async (t) => {
  const missing = `${temporaryDirectory(t)}/missing`
  t.equal(open(missing, flags), 'missing')
  t.equal(lstat(missing), 'missing')
})

t.test('any other failure is left to Node.js', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(`${directory}/file`, '')
  symlinkSync('file', `${directory}/link`)
  const below = `${directory}/file/below`
  t.equal(open(`${directory}/link`, flags), undefined)
  t.equal(open(below, flags), undefined)
  t.equal(lstat(below), undefined)
  t.equal(fstat(-1), undefined)
  getNative()
  t.throws(() => openIfThere(`${directory}/link`), { code: 'ELOOP', message: /^ELOOP: too many / })
  t.throws(() => openIfThere(below), { code: 'ENOTDIR', message: /^ENOTDIR: not a directory, / })
  t.throws(() => isSameFile(0, below), { code: 'ENOTDIR', message: /^ENOTDIR: not a directory, / })
  t.throws(() => glanceAt(-1), { code: 'ERR_OUT_OF_RANGE' })
})

t.test('a path does not end at a zero byte', async (t) => {
  const path = `${temporaryDirectory(t)}/file`
  writeFileSync(path, '')
  for (const longer of [`${path}\0more`, Buffer.from(`${path}\0more`)]) {
    t.throws(() => open(longer, flags), { code: 'EINVAL' })
    t.throws(() => lstat(longer), { code: 'EINVAL' })
  }
})

t.test('the calls are used once something was locked', async (t) => {
  const path = `${temporaryDirectory(t)}/file`
  writeFileSync(path, '')
  getNative()
  const fd = openIfThere(path) ?? t.fail('it is there')
  if (typeof fd !== 'number') return
  t.equal(glanceAt(fd).constructor, fstat(fd)?.constructor)
  t.ok(isSameFile(fd, path))
  close(fd)
})
