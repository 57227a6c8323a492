import type { Command } from 'commander'
import type { OwnerOptions } from '../queue/ownership.js'
import { group, setting, user } from './values.js'

/** The flags -u, -g and -m, which say whom what is made belongs to. */
export type OwnerFlags = OwnerOptions

/** Adds them; `what` is made. */
export function ownerFlags(command: Command, what: string): Command {
  return command
    .option('-u, --user <user>', `owner of ${what}, a name or an id`, user)
    .option('-g, --group <group>', `group of ${what}, a name or an id`, group)
    .option('-m, --mode <mode>', `mode of ${what}, octal`, setting('itemMode'))
}

/** What they say, without the other flags of the command. */
export function ownerOf(flags: OwnerFlags): OwnerOptions {
  return { user: flags.user, group: flags.group, mode: flags.mode }
}
