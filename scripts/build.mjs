// Compiles lib/ to dist/ afresh, so that no output of a source that is gone stays in the package. The
// new dist/ takes the place of the old one only when it is whole: a program that runs keeps running.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('..', import.meta.url))
const dist = `${top}dist`
const fresh = `${dist}.new-${process.pid}`
const old = `${dist}.old-${process.pid}`

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const built = spawnSync(
  process.execPath,
  [tsc, '-p', `${top}tsconfig.build.json`, '--outDir', fresh],
  { stdio: 'inherit' },
)
if (built.status === 0) {
  chmodSync(`${fresh}/cli/fsq.cjs`, 0o755)
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
}
for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true })
process.exit(built.status ?? 1)
