import { basename } from 'node:path'
import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { statEntry } from '../../posix/names.js'
import { realPath } from '../../posix/real-path.js'
import { isPathComponent } from '../../settings.js'

/** An ftpcluster: the directory where its files are, and a name. */
export interface Cluster {
  /** Its home: an absolute path without links. */
  readonly home: string
  /**
   * Its name, which stands as the host in the names of its items: so items tell whose they are, where
   * several clusters use one root.
   */
  readonly name: string
  /** Where the parts of it are. */
  readonly paths: {
    /** The directory of queue files. */
    readonly queue: string
    /** Who is at the queue files. */
    readonly lock: string
    /** The directory of the link files of files that were deleted. */
    readonly deleted: string
    /** The nodes. */
    readonly conf: string
  }
}

/**
 * An ftpcluster by its home, which has a `.queue`.
 *
 * @param options - the name of the cluster. @defaultValue the last part of the path, links resolved
 * @throws `FsqError` `FSQ_CLUSTER` where there is none.
 */
export function openCluster(home: string, options: { readonly name?: string } = {}): Cluster {
  if (options.name !== undefined && !isPathComponent(options.name))
    throw new TypeError(`Expected a name without / for a cluster, got ${options.name}`)
  const real = resolve(home)
  const queue = `${real}/.queue`
  if (statEntry(`${queue}/.`)?.isDirectory() !== true)
    throw new FsqError('FSQ_CLUSTER', `not the home of an ftpcluster: ${home} has no .queue`, {
      path: queue,
    })
  return {
    home: real,
    name: options.name ?? nameFor(real),
    paths: {
      queue,
      lock: `${real}/.queue.lock`,
      deleted: `${real}/.deleted`,
      conf: `${real}/.cluster.conf`,
    },
  }
}

function resolve(home: string): string {
  try {
    return realPath(home)
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause
    const message = `cannot use ${home} as the home of an ftpcluster: ${reasonOf(cause)}`
    throw new FsqError('FSQ_CLUSTER', message, { path: home, cause })
  }
}

/** A name that reads as that of a host. */
function nameFor(home: string): string {
  return basename(home).replace(/[^A-Za-z0-9.-]+/g, '-') || 'cluster'
}
