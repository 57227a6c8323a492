import { FsqError } from '../../errors.js'
import type { Root } from '../../root/root.js'
import { close, openRecord, readSmall, writeFully } from '../../posix/files.js'
import type { Cluster } from './cluster.js'

/**
 * Notes in the root which cluster a name is that of. Another of that name would take its items for its own, and
 * drop them, since it has no such files.
 *
 * @throws `FsqError` `FSQ_CLUSTER` where the name is that of a cluster with another home
 */
export async function claimName(
  { settings: { root } }: Root,
  { name, home }: Cluster,
): Promise<void> {
  const path = `${root}/.ftpcluster-${name}`
  const fd = openRecord(path, 0o644)
  try {
    const known = readSmall(fd)?.toString().split('\n')[0] ?? ''
    if (known === '') await writeFully(fd, Buffer.from(`${home}\n`))
    else if (known !== home)
      throw new FsqError(
        'FSQ_CLUSTER',
        `${name} is the name of the cluster in ${known} already; give this one another with --name, or ` +
          `remove ${path} if that cluster is this one, and was moved`,
        { path },
      )
  } finally {
    close(fd)
  }
}
