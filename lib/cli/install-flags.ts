import type { Command } from 'commander'
import type { InstallOptions } from '../queue/install.js'
import { group, setting, user } from './values.js'

/** The flags of the commands that install queues. */
export interface InstallFlags {
  readonly force?: true
  readonly ignoreExists?: true
  readonly down?: true
  readonly owner?: number
  readonly group?: number
  readonly mode?: number
}

/** Adds them. */
export function installFlags(command: Command, what: string): Command {
  return command
    .option('-f, --force', `remove a ${what} of that name first, with all its items`)
    .option('-i, --ignore-exists', `leave a ${what} of that name alone`)
    .option('-d, --down', 'install it as down')
    .option('-o, --owner <user>', 'owner of all of it, a name or an id', user)
    .option('-g, --group <group>', 'group of all of it, a name or an id', group)
    .option('-m, --mode <mode>', 'mode of its directories, octal', setting('queueMode'))
}

/** What the bits of a directory's mode mean for a file: neither executable nor set-id. */
const fileBits = 0o666

/** The options that the flags mean. */
export function installOptionsOf(flags: InstallFlags): InstallOptions {
  const { force, ignoreExists, down, owner, group, mode } = flags
  return {
    user: owner,
    group,
    mode,
    itemUser: owner,
    itemGroup: group,
    itemMode: mode === undefined ? undefined : mode & fileBits,
    down,
    ifExists: force === true ? 'replace' : ignoreExists === true ? 'ignore' : 'error',
  }
}
