import { type Command, InvalidArgumentError } from 'commander'
import type { JetStream } from '../adapters/jetstream/index.js'
import { bytesOf, type Cluster, openCluster } from '../adapters/nxqueue/index.js'
import { queueAt } from '../root/queue-at.js'
import type { Call } from './command.js'
import { size } from './values.js'

/** Which cluster. */
export interface ClusterFlags {
  readonly queue?: string
  readonly nats?: true
}

/** Adds the flags of {@link ClusterFlags}. */
export function clusterFlags(command: Command): Command {
  return command
    .option('-q, --queue <queue>', 'the queue of the jobs (default: nxqueue)')
    .option('--nats', 'its servers share no files, but NATS (NATS_URL)')
}

/** Does something with the cluster that the flags name; NATS is let go of afterwards. */
export async function withCluster<T>(
  { flags, root }: Call<ClusterFlags>,
  act: (cluster: Cluster, jetStream: JetStream | undefined) => Promise<T>,
): Promise<T> {
  const queue = queueAt(root(), flags.queue ?? 'nxqueue')
  if (flags.nats !== true) return act(openCluster(queue), undefined)
  const { jetStreamKeyValues } = await import('../adapters/jetstream/index.js')
  const { withNats } = await import('./nats-flags.js')
  return withNats({}, async (jetStream) => {
    await using keyValues = jetStreamKeyValues(jetStream, queue.name)
    return await act(openCluster(queue, { keyValues }), jetStream)
  })
}

/** A size in bytes: of powers of 1000 as `2.5TB`, of 1024 as `1500GiB`, or as all others are, `64K`. */
export function byteSize(given: string): number {
  if (/^[0-9]{1,9}(\.[0-9]{1,9})? ?[kKMGTP]?i?B$/.test(given)) return bytesOf(given)
  try {
    return size(given)
  } catch {
    throw new InvalidArgumentError(
      `Expected a size such as 512, 64K, 2.5TB or 1500GiB, got "${given}"`,
    )
  }
}
