import { setTimeout } from 'node:timers/promises'
import { FsqError } from '../../errors.js'
import { close, isSameFile, openLockFile, statFile } from '../../posix/files.js'
import { getNative } from '../../posix/native.js'
import { foreign, openEntryFile } from './entry-file.js'

/** For so long, in milliseconds, one waits for another who changes the same entry. */
const patience = 10_000

/** How long one waits between two looks, in milliseconds, at most. */
const longestPause = 20

/**
 * Does something while we hold flock(2) on the file of an entry, which still has its name then; undefined where there
 * is none.
 *
 * @throws {@link FsqError} `FSQ_LOCKED`; `FSQ_NXQUEUE` for what cannot be locked
 */
export async function withLockedEntry<R>(
  path: string,
  act: (fd: number) => R | Promise<R>,
): Promise<R | undefined> {
  const until = performance.now() + patience
  for (let pause = 1; ; pause = Math.min(2 * pause, longestPause)) {
    const fd = openEntryFile(path, openLockFile)
    if (fd === undefined) return undefined
    try {
      if (!statFile(fd).isFile()) throw foreign(path, 'it is not a regular file')
      if (getNative().flock(fd)) {
        if (isSameFile(fd, path)) return await act(fd)
        pause = 0 // It was replaced, or removed: look again, at once.
      }
    } finally {
      close(fd)
    }
    if (performance.now() > until)
      throw new FsqError(
        'FSQ_LOCKED',
        `somebody else has had ${path} locked for ${patience / 1000} s; ` +
          'fuser(1) tells who, and a process that is stopped may be the one',
        { path },
      )
    await setTimeout(Math.max(pause, 0.5))
  }
}
