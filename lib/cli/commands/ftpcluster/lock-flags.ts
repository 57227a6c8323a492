import type { Command } from 'commander'

/** How the lock of the queue is taken. */
export interface LockFlags {
  readonly breakLock?: true
}

/** Adds the flag. */
export function lockFlags(command: Command): Command {
  return command.option('--break-lock', 'take the lock away from whoever has it, or had it')
}
