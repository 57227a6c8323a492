import { FsqError } from '../../errors.js'
import { close, openIfThere, openRecord, readSmall, writeFully } from '../../posix/files.js'
import type { Root } from '../../root/root.js'
import type { Cluster } from './cluster.js'

/*
 * Which cluster a name is that of is noted in the root. Another of that name would take its items for its own,
 * and drop them, since it has no such files.
 */

/**
 * Looks whether the name of a cluster is that of another.
 *
 * @throws `FsqError` `FSQ_CLUSTER` where it is
 */
export function checkName(root: Root, cluster: Cluster): void {
  const path = noteOf(root, cluster)
  const fd = openIfThere(path)
  if (fd === undefined) return
  try {
    checkHome(path, fd, cluster)
  } finally {
    close(fd)
  }
}

/** {@link checkName}, and makes it the name of this cluster where it is nobody's. The root must be there. */
export async function claimName(root: Root, cluster: Cluster): Promise<void> {
  const path = noteOf(root, cluster)
  const fd = openRecord(path, 0o644)
  try {
    if (checkHome(path, fd, cluster) === '') await writeFully(fd, Buffer.from(`${cluster.home}\n`))
  } finally {
    close(fd)
  }
}

function noteOf({ settings: { root } }: Root, { name }: Cluster): string {
  return `${root}/.ftpcluster-${name}`
}

/** The home that is noted; nothing where none is. */
function checkHome(path: string, fd: number, { name, home }: Cluster): string {
  const known = readSmall(fd)?.toString().split('\n')[0] ?? ''
  if (known === '' || known === home) return known
  throw new FsqError(
    'FSQ_CLUSTER',
    `${name} is the name of the cluster in ${known} already; give this one another with --name, or ` +
      `remove ${path} if that cluster is this one, and was moved`,
    { path },
  )
}
