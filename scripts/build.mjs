// Compiles lib/ to dist/ afresh, so that no output of a source that is gone stays in the package.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${top}dist`, { recursive: true, force: true })
if (!process.argv.includes('--clean')) {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
  const built = spawnSync(process.execPath, [tsc, '-p', `${top}tsconfig.build.json`], {
    stdio: 'inherit',
  })
  if (built.status !== 0) process.exit(built.status ?? 1)
  chmodSync(`${top}dist/cli/fsq.cjs`, 0o755)
}
