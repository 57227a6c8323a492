import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { walkSpace } from '../../../lib/adapters/ftpcluster/space.js'
import { pinDirectory } from '../../../lib/posix/files.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

/** A home with `d/d/d...`, and a file `f` in each of these directories and `z` in the home. */
function deepHome(t: Test, depth: number): string {
  const home = temporaryDirectory(t)
  t.teardown(() => spawnSync('rm', ['-r', `${home}/d`])) // Node.js cannot: its path is too long.
  writeFileSync(`${home}/z`, '')
  let directory = pinDirectory(home)
  for (let level = 0; level < depth; level++) {
    mkdirSync(`${directory.path}/d`)
    const below = pinDirectory(`${directory.path}/d`)
    directory.close()
    directory = below
    writeFileSync(`${directory.path}/f`, '')
  }
  directory.close()
  return home
}

const at = (level: number): string => 'd/'.repeat(level)

t.test('files are found however deep they are, with few descriptors', async (t) => {
  const depth = 3000
  const home = deepHome(t, depth)
  const opened = (): number => readdirSync('/proc/self/fd').length
  const before = opened()
  const names: string[] = []
  let most = 0
  for (const { name } of walkSpace(home)) {
    names.push(name)
    most = Math.max(most, opened())
  }
  const expected = Array.from({ length: depth }, (_, i) => `${at(depth - i)}f`)
  t.ok(names.join() === [...expected, 'z'].join(), 'in the order of their names')
  t.ok(most - before < 100)
  t.equal(opened(), before)
})

t.test('a directory that is moved meanwhile leads nowhere else', async (t) => {
  const home = deepHome(t, 100)
  const elsewhere = temporaryDirectory(t)
  const names: string[] = []
  for (const { name } of walkSpace(home)) {
    if (names.length === 0) renameSync(`${home}/${at(60)}`, `${elsewhere}/moved`)
    names.push(name)
  }
  t.strictSame(names.slice(0, 2), [`${at(100)}f`, `${at(99)}f`])
  t.notOk(names.includes(`${at(59)}f`), 'nobody knows where that is')
  t.strictSame(names.slice(-2), ['d/f', 'z'])
})
