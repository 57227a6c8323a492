import { spawnSync } from 'node:child_process'
import { type Ended, startProgram, type StartOptions } from './cli.js'

/** False where Filespooler's own program is installed; otherwise why a test must be skipped. */
export const noFspl =
  spawnSync('fspl', ['--version']).error === undefined
    ? false
    : 'there is no fspl(1) here (the Debian package filespooler)'

/** Runs Filespooler's own program. */
export async function fspl(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return startProgram('fspl', words, options).ended
}
