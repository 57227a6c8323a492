import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import type { Entry } from '../../key-values.js'
import { close, openEntry, readAt, statFile } from '../../posix/files.js'
import type { Path } from '../../posix/path.js'

/** What the file of an entry has, in one line of JSON. */
export interface EntryContent<T> extends Entry<T> {
  readonly key: string
}

/** The largest file that is read, in bytes: many times as much as anything that we write. */
const largest = 64 * 1024 * 1024

/** The text of a file. */
export function entryText<T>({ key, revision, value }: EntryContent<T>): Buffer {
  return Buffer.from(`${JSON.stringify({ key, revision, value })}\n`)
}

/**
 * What is in an open file; undefined where that is not what {@link entryText} makes.
 *
 * @throws {@link FsqError} `FSQ_NXQUEUE` for what is no file of ours at all
 */
export function readEntry<T>(fd: number, path: Path): EntryContent<T> | undefined {
  const stat = statFile(fd)
  if (!stat.isFile()) throw foreign(path, 'it is not a regular file')
  if (stat.size > largest) throw foreign(path, `it has ${stat.size} bytes`)
  let content: unknown
  try {
    content = JSON.parse(readAt(fd, 0, stat.size).toString())
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  return isContent<T>(content) ? content : undefined
}

function isContent<T>(content: unknown): content is EntryContent<T> {
  if (typeof content !== 'object' || content === null) return false
  const { key, revision, value } = content as Record<string, unknown>
  return typeof key === 'string' && Number.isSafeInteger(revision) && value !== undefined
}

/** Opens the file of an entry; undefined where there is none. */
export function openEntryFile(path: Path, open: (path: Path) => number): number | undefined {
  try {
    return open(path)
  } catch (error) {
    const errno = errnoOf(error) ?? ''
    if (errno === 'ENOENT') return undefined
    if (['ELOOP', 'EISDIR', 'ENXIO'].includes(errno)) throw foreign(path, reasonOf(error), error)
    throw unusable(path, error)
  }
}

/** What {@link readEntry} finds under a path; undefined where there is nothing. */
export function lookAt<T>(
  path: Path,
): { readonly content: EntryContent<T> | undefined } | undefined {
  const fd = openEntryFile(path, openEntry)
  if (fd === undefined) return undefined
  try {
    return { content: readEntry(fd, path) }
  } finally {
    close(fd)
  }
}

/** The error for a file that is not ours. */
export function foreign(path: Path, why: string, cause?: unknown): FsqError {
  const text = Buffer.from(path).toString()
  return new FsqError(
    'FSQ_NXQUEUE',
    `${text} was not written by fsq: ${why}; look at it, and move it elsewhere`,
    { path: text, cause },
  )
}

/** The error for what the system does not let us do. */
export function unusable(path: Path, cause: unknown): FsqError {
  const text = Buffer.from(path).toString()
  return new FsqError('FSQ_NXQUEUE', `cannot use ${text}: ${reasonOf(cause)}`, {
    path: text,
    cause,
  })
}
