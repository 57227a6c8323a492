import { FsqError, reasonOf } from '../../errors.js'
import { close, openRecord } from '../../posix/files.js'
import { stateOf } from '../../posix/inode.js'
import { isDirectory, listNames, makeDirectory, removeIfThere } from '../../posix/names.js'
import { getNative } from '../../posix/native.js'
import type { Cluster } from './cluster.js'
import { noteDraft } from './notes.js'

/** `.fsq` in the home of a cluster, where its processors keep their notes. */
export interface StateDirectory extends Disposable {
  /** Its path. */
  readonly path: string
}

/**
 * Opens `.fsq`, made where there is none, for this process alone: link files are changed by one process
 * at a time. The lock goes with the process, however that ends.
 *
 * @throws `FsqError` `FSQ_CLUSTER_LOCKED` where another processor is at work; `FSQ_CLUSTER`
 */
export function openStateDirectory(cluster: Cluster): StateDirectory {
  const path = `${cluster.home}/.fsq`
  let fd: number
  try {
    if (!isDirectory(path)) makeDirectory(path, 0o700)
    checkOwner(path)
    fd = openRecord(`${path}/lock`, 0o600)
  } catch (cause) {
    throw new FsqError('FSQ_CLUSTER', `cannot keep notes in ${path}: ${reasonOf(cause)}`, {
      path,
      cause,
    })
  }
  if (!getNative().flock(fd)) {
    close(fd)
    throw new FsqError(
      'FSQ_CLUSTER_LOCKED',
      `another processor is at work on ${cluster.home}; one at a time can be`,
      { path },
    )
  }
  // A note that was being written: nobody else writes here now.
  for (const name of listNames(path))
    if (name.startsWith(noteDraft)) removeIfThere(`${path}/${name}`)
  return {
    path,
    [Symbol.dispose]() {
      close(fd)
    },
  }
}

/** What somebody else could write there would be believed: it says what is removed, and replaced. */
function checkOwner(path: string): void {
  const { uid = -1, mode = 0 } = stateOf(path) ?? {}
  const isOurs = uid === process.geteuid?.() && (mode & 0o022) === 0
  if (!isOurs) throw new Error('somebody else can write there; make it ours alone, or remove it')
}
