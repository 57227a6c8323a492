import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  link,
  listNames,
  makeDirectories,
  makeDirectory,
  renameDirectory,
  statEntry,
  unlink,
  walkNames,
} from '../../lib/posix/names.js'
import { entryPath } from '../../lib/posix/path.js'
import { temporaryDirectory } from '../helpers/temporary.js'

// renameNoReplace is tested with each backend: see test/helpers/native-suite.ts.

const withFiles = (t: Test, ...names: string[]): string => {
  const directory = temporaryDirectory(t)
  for (const name of names) writeFileSync(entryPath(directory, name), '')
  return directory
}

t.test('names are listed as byte strings, sorted, hidden ones too', async (t) => {
  const directory = withFiles(t, '_b', '_a', '.hidden', 'bad\xff', 'utf8\xc3\xa9')
  t.strictSame(listNames(directory), ['.hidden', '_a', '_b', 'bad\xff', 'utf8\xc3\xa9'])
})

t.test('a walk finds the same names', async (t) => {
  const many = Array.from({ length: 2500 }, (_, i) => `name-${i}`)
  const directory = withFiles(t, 'bad\xff', ...many)
  t.strictSame([...walkNames(directory)].sort(), listNames(directory))
})

t.test('a list and a walk of nothing are errors', async (t) => {
  const directory = temporaryDirectory(t)
  t.throws(() => listNames(`${directory}/missing`), { code: 'ENOENT' })
  t.throws(() => [...walkNames(`${directory}/missing`)], { code: 'ENOENT' })
})

t.test('an entry that is not there has no stat', async (t) => {
  const directory = withFiles(t, 'file')
  t.equal(statEntry(`${directory}/missing`), undefined)
  t.ok(statEntry(`${directory}/file`)?.isFile())
})

t.test('a symbolic link is looked at itself', async (t) => {
  const directory = temporaryDirectory(t)
  symlinkSync('missing', `${directory}/link`)
  t.ok(statEntry(`${directory}/link`)?.isSymbolicLink())
  unlink(`${directory}/link`)
  t.equal(statEntry(`${directory}/link`), undefined)
})

t.test('a link does not replace', async (t) => {
  const directory = withFiles(t, 'from', 'taken')
  const { ino } = lstatSync(`${directory}/taken`)
  t.throws(
    () => {
      link(`${directory}/from`, `${directory}/taken`)
    },
    { code: 'EEXIST' },
  )
  t.equal(lstatSync(`${directory}/taken`).ino, ino)
  link(`${directory}/from`, `${directory}/free`)
  t.equal(lstatSync(`${directory}/free`).nlink, 2)
})

t.test('a directory replaces an empty one, and no other', async (t) => {
  const directory = temporaryDirectory(t)
  for (const name of ['from', 'empty', 'full', 'full/inside']) mkdirSync(`${directory}/${name}`)
  t.throws(
    () => {
      renameDirectory(`${directory}/from`, `${directory}/full`)
    },
    { code: 'ENOTEMPTY' },
  )
  renameDirectory(`${directory}/from`, `${directory}/empty`)
  t.strictSame(listNames(directory), ['empty', 'full'])
})

t.test('a directory is made once, and those above it only when asked', async (t) => {
  const directory = temporaryDirectory(t)
  makeDirectory(`${directory}/a`, 0o700)
  t.throws(
    () => {
      makeDirectory(`${directory}/a`, 0o700)
    },
    { code: 'EEXIST' },
  )
  t.throws(
    () => {
      makeDirectory(`${directory}/b/c`, 0o700)
    },
    { code: 'ENOENT' },
  )
  makeDirectories(`${directory}/b/c`)
  makeDirectories(`${directory}/b/c`)
  t.ok(statEntry(`${directory}/b/c`)?.isDirectory())
})

t.test('the path of an entry is bytes where its name is not ASCII', async (t) => {
  t.equal(entryPath('/d', '_a'), '/d/_a')
  t.strictSame(entryPath('/d', '\xff'), Buffer.from([0x2f, 0x64, 0x2f, 0xff]))
})
