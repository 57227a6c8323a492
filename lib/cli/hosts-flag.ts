import type { Command } from 'commander'

/** Whose trigger is meant. */
export interface HostsFlag {
  readonly hosts?: true
}

/** Adds the flag. */
export function hostsFlag(command: Command): Command {
  return command.option('--hosts', 'that of the host queues')
}
