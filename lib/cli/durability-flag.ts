import type { Command } from 'commander'
import type { Settings } from '../settings.js'
import { setting } from './values.js'

/** The flag --durability, of the commands that enqueue or finish items. */
export interface DurabilityFlags {
  readonly durability?: Settings['durability']
}

/** Adds it. */
export function durabilityFlag(command: Command): Command {
  return command.option(
    '--durability <level>',
    'what survives the loss of power: full, enqueue, none',
    setting('durability'),
  )
}
