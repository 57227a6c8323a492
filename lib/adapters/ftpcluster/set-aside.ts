import { syncDirectory } from '../../posix/directory-sync.js'
import { isSameFile, statFile } from '../../posix/files.js'
import { replaceFile } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import { asideFor } from './aside.js'
import type { Cluster } from './cluster.js'
import { dateInName } from './queue-file-name.js'

/** Renames a file so that nobody else finds it; nothing where it was another that had the name by now. */
export async function setAside(
  { paths: { queue } }: Cluster,
  name: string,
  fd: number,
): Promise<string | undefined> {
  const aside = asideFor(name, dateInName(name) ?? statFile(fd).mtime)
  if (!isSameFile(fd, entryPath(queue, name))) return undefined
  replaceFile(entryPath(queue, name), entryPath(queue, aside))
  await syncDirectory(queue)
  // Where it was replaced after all, the next import takes what is aside now.
  return isSameFile(fd, entryPath(queue, aside)) ? aside : undefined
}
