import type { Command } from 'commander'
import { bytesOf, type Cluster, openCluster } from '../adapters/nxqueue/index.js'
import { queueAt } from '../root/queue-at.js'
import type { Call } from './command.js'
import { size } from './values.js'

/** Which cluster. */
export interface ClusterFlags {
  readonly queue?: string
}

/** Adds the flags of {@link ClusterFlags}. */
export function clusterFlags(command: Command): Command {
  return command.option('-q, --queue <queue>', 'the queue of the jobs (default: nxqueue)')
}

/** The cluster that the flags name. */
export function clusterOf({ flags, root }: Call<ClusterFlags>): Cluster {
  return openCluster(queueAt(root(), flags.queue ?? 'nxqueue'))
}

/** A size in bytes: of powers of 1000 as `2.5TB`, of 1024 as `1500GiB`, or as all others are, `64K`. */
export function byteSize(given: string): number {
  return /^[0-9]{1,9}(\.[0-9]{1,9})? ?[kKMGTP]?i?B$/.test(given) ? bytesOf(given) : size(given)
}
