import { errnoOf, reasonOf } from '../../errors.js'
import { close, openRegular, readAt } from '../../posix/files.js'
import { stateOfOpen } from '../../posix/inode.js'
import { listNames } from '../../posix/names.js'
import { entryPath, type Path } from '../../posix/path.js'
import { InventoryError } from './inventory-error.js'

/** A file of an inventory that is bigger is a mistake, in bytes. */
const mostBytes = 64 * 1024 * 1024

/** A file of an inventory. */
export interface InventoryFile {
  readonly path: Path
  /** Its path in messages. */
  readonly shown: string
}

/**
 * The files of an inventory: that one, or those of a directory that are called .yaml, .yml or .json and are not
 * hidden, in the order of the bytes of their names.
 *
 * @throws {@link InventoryError}
 */
export function inventoryFiles(path: string): InventoryFile[] {
  const names = namesIn(path)
  if (names === undefined) return [{ path, shown: path }]
  const files = names
    .filter((name) => /^[^.].*\.(yaml|yml|json)$/s.test(name))
    .sort((one, other) => (one < other ? -1 : 1))
  if (files.length === 0)
    throw new InventoryError(path, [
      { file: path, message: 'no file in it is called *.yaml, *.yml or *.json' },
    ])
  return files.map((name) => ({
    path: entryPath(path, name),
    shown: `${path.replace(/\/+$/, '')}/${Buffer.from(name, 'latin1').toString()}`,
  }))
}

/** The names in a directory, as byte strings; undefined if it is none. */
function namesIn(path: string): string[] | undefined {
  try {
    return listNames(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined
    throw unreadable(path, error)
  }
}

/**
 * The bytes of a file.
 *
 * @throws {@link InventoryError}
 */
export function readInventoryFile({ path, shown }: InventoryFile): Buffer {
  return withFile(path, shown, (fd) => {
    const { size } = stateOfOpen(fd)
    if (size > mostBytes)
      throw new InventoryError(shown, [
        { file: shown, message: `it has ${size} bytes, which is more than ${mostBytes}` },
      ])
    return readAt(fd, 0, size)
  })
}

/** What the files of an inventory are now, as a text that changes with them. */
export function stampOfAll(path: string): string {
  return orMessage(() => inventoryFiles(path).map(stampOf).join('\n'))
}

function stampOf({ path, shown }: InventoryFile): string {
  const stamp = (fd: number): string => {
    const { inode, size, mtime, ctime } = stateOfOpen(fd)
    return [shown, inode, size, mtime, ctime].join(' ')
  }
  return orMessage(() => withFile(path, shown, stamp))
}

function orMessage(look: () => string): string {
  try {
    return look()
  } catch (error) {
    if (error instanceof InventoryError) return error.message
    throw error
  }
}

function withFile<T>(path: Path, shown: string, look: (fd: number) => T): T {
  let fd: number | undefined
  try {
    fd = openRegular(path)
  } catch (error) {
    throw unreadable(shown, error)
  }
  if (fd === undefined)
    throw new InventoryError(shown, [{ file: shown, message: 'it is not a regular file' }])
  try {
    return look(fd)
  } catch (error) {
    throw error instanceof InventoryError ? error : unreadable(shown, error)
  } finally {
    close(fd)
  }
}

function unreadable(path: string, cause: unknown): InventoryError {
  const message = `cannot read it: ${reasonOf(cause)}`
  return new InventoryError(path, [{ file: path, message }], cause)
}
