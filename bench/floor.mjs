// The floor: programs in C that make the same system calls. Built here, where there is a compiler.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const programs = ['enqueue', 'batch', 'finish']

/** Builds the programs in a directory; says why not where that does not work. */
export function buildFloor(directory) {
  const cc = process.env.CC || 'cc'
  const version = spawnSync(cc, ['--version'], { encoding: 'utf8' })
  if (version.status !== 0) return { missing: `there is no C compiler (${cc})` }
  for (const name of programs) {
    const source = fileURLToPath(new URL(`floor/${name}.c`, import.meta.url))
    const built = spawnSync(cc, ['-O2', '-pthread', '-o', join(directory, name), source])
    if (built.status !== 0) return { missing: `${cc} cannot build ${name}.c: ${built.stderr}` }
  }
  return {
    compiler: version.stdout.split('\n')[0],
    /** The command that runs a program of the floor. */
    command: (name, ...words) => [join(directory, name), ...words.map(String)],
  }
}
