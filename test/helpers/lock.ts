import type { Test } from 'tap'
import { close, openEntry } from '../../lib/posix/files.js'
import { getNative } from '../../lib/posix/native.js'
import type { Path } from '../../lib/posix/path.js'

/** Locks a file as somebody else would, by another open file, until the test ends. */
export function lockedDescriptor(t: Test, path: Path): number {
  const fd = openEntry(path)
  t.teardown(() => {
    close(fd)
  })
  if (!getNative().flock(fd)) throw new Error(`${path.toString()} is locked already`)
  return fd
}

/** Whether nobody has a file locked. */
export function isFree(path: Path): boolean {
  const fd = openEntry(path)
  try {
    return getNative().flock(fd)
  } finally {
    close(fd)
  }
}
