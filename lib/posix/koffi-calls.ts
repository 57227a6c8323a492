import { getSystemErrorName } from 'node:util'
import type { LibraryHandle } from 'koffi'
import type { Path } from './path.js'
import { systemError } from './system-error.js'

/** For a path that is not below an open directory, openat(2). */
export const AT_FDCWD = -100

/** A function of the C library. */
export type Call = (...args: unknown[]) => number

/** A function that not every C library has. */
export function optional(libc: LibraryHandle, name: string, types: string[]): Call | undefined {
  try {
    return libc.func(name, 'int', types) as Call
  } catch {
    return undefined
  }
}

/**
 * What koffi passes as a string of C: text in UTF-8, or bytes with their end. A path with a zero byte in it
 * would be another one there.
 *
 * @throws the system's error, EINVAL, for that.
 */
export function cString(path: Path): Path {
  if (path.includes('\0')) throw systemError('EINVAL', path)
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.of(0)])
}

/** An error of the form that Node.js gives to its own system calls. */
export function callError(syscall: string, errno: number, path?: Path): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  const where = path === undefined ? '' : ` '${path.toString()}'`
  return Object.assign(new Error(`${code}: ${syscall}${where}`), {
    ...{ code, errno: -errno, syscall },
    ...(path === undefined ? {} : { path: path.toString() }),
  })
}
