import type { Command } from 'commander'
import { host } from '../../values.js'

/** Which cluster is meant. */
export interface ClusterFlags {
  readonly name?: string
}

/** Adds the flag. */
export function clusterFlags(command: Command): Command {
  return command.option(
    '--name <name>',
    'the name of the cluster in its items (default: that of its home)',
    host,
  )
}
