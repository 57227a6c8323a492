import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { watchEntries } from '../../../lib/adapters/nxqueue/watch-entries.js'
import { WatchedPaths } from '../../../lib/adapters/nxqueue/watched-paths.js'
import { eventually } from '../../helpers/cli.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

t.test('a directory that was made anew is watched, whatever its inode number', async (t) => {
  const path = `${temporaryDirectory(t)}/inventory`
  mkdirSync(path)
  let changes = 0
  const listener = { onChange: () => changes++, onError: (error: unknown) => t.error(error) }
  using paths = new WatchedPaths(path, listener)
  paths.check()
  makeAnew(t, path)
  await eventually(() => changes > 0) // It is gone from the one above.
  paths.check()
  changes = 0
  writeFileSync(`${path}/1.yaml`, '')
  await eventually(() => changes > 0)
})

t.test('entries in a directory that was made anew are told to be others', async (t) => {
  const path = `${temporaryDirectory(t)}/entries`
  mkdirSync(path)
  const errors: unknown[] = []
  const watch = watchEntries(
    path,
    () => undefined,
    (error) => errors.push(error),
  )
  t.teardown(() => {
    watch[Symbol.dispose]()
  })
  makeAnew(t, path)
  await eventually(() => errors.length > 0)
  t.match(errors, [{ message: /another directory was there before/ }])
})

function makeAnew(t: Test, path: string): void {
  const { ino } = statSync(path)
  rmSync(path, { recursive: true })
  mkdirSync(path)
  if (statSync(path).ino !== ino) t.comment('the file system gave it another number')
}
