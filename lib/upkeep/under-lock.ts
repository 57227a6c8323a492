import { FsqError } from '../errors.js'
import { close, isSameFile, openIfThere } from '../posix/files.js'
import { statEntry } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import type { Path } from '../posix/path.js'

/**
 * Does something to a file while it is locked as a worker locks it. False where there is no such
 * file any more.
 *
 * @throws {@link FsqError} `FSQ_ITEM_LOCKED`
 */
export async function underLock(
  path: Path,
  act: (fd: number) => Promise<boolean>,
): Promise<boolean> {
  if (statEntry(path)?.isFile() !== true) return false // Opening could wake a device.
  const fd = openIfThere(path)
  if (fd === undefined) return false
  try {
    if (!getNative().flock(fd)) throw locked()
    return isSameFile(fd, path) && (await act(fd))
  } finally {
    close(fd)
  }
}

/** That somebody else holds the lock. */
export function locked(): FsqError {
  return new FsqError('FSQ_ITEM_LOCKED', 'somebody is working on it; it is locked')
}
