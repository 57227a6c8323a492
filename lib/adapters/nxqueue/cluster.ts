import { checkMembers } from '../../members.js'
import type { KeyValues } from '../../key-values.js'
import type { Queue } from '../../root/queue.js'
import { fileKeyValues } from './file-key-values.js'
import { openStore, type Store } from './store.js'

/** A cluster, and where what its servers know together is kept. */
export interface ClusterOptions {
  /**
   * Where what the servers know together is kept, claims above all.
   *
   * @defaultValue the directory `.nxqueue` of the queue
   */
  readonly keyValues?: KeyValues | undefined
}

const known: ReadonlySet<string> = new Set<keyof ClusterOptions>(['keyValues'])

/** A queue of jobs that need resources. Made by {@link openCluster}. */
export interface Cluster {
  /** The queue of its jobs; each server has a host queue of it. */
  readonly queue: Queue
  /** @internal */
  readonly keyValues: KeyValues
  /** @internal */
  readonly store: Store
  /** Whether its jobs are carried between machines, so that not all of them are in this queue. */
  readonly isCarried: boolean
}

/** Opens a cluster. Nothing is looked for on the disk yet. */
export function openCluster(queue: Queue, options: ClusterOptions = {}): Cluster {
  checkMembers('an option of openCluster', options, known)
  const keyValues = options.keyValues ?? fileKeyValues(queue.context.paths.cluster)
  return {
    queue,
    keyValues,
    store: openStore(keyValues),
    isCarried: options.keyValues !== undefined,
  }
}
