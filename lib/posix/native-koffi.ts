import { createRequire } from 'node:module'
import { AT_FDCWD, type Call, callError, cString, optional } from './koffi-calls.js'
import { loadFastCalls } from './koffi-fast-calls.js'
import type { Native } from './native.js'
import type { Path } from './path.js'

const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8
const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2

/** The same call on a thread of the pool. */
type AsyncCall = (...argsAndDone: unknown[]) => void

/**
 * The C library through koffi. Synchronous calls where errno matters: after koffi's asynchronous
 * ones it is not that of the call.
 */
export function loadKoffi(): Native {
  // Required here, not imported above, so that a program that never locks does not load it.
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  // The running program has the C library loaded, under whichever name this system gives it.
  const libc = koffi.load(null)
  const { EINTR, EAGAIN, EIO, ENOSYS } = koffi.os.errno as Record<
    'EINTR' | 'EAGAIN' | 'EIO' | 'ENOSYS',
    number
  >

  /** Calls again what a signal interrupted; the errno of a failure, 0 for success. */
  const errnoOf = (call: Call, ...args: unknown[]): number => {
    for (;;) {
      if (call(...args) === 0) return 0
      const errno = koffi.errno()
      if (errno !== EINTR) return errno
    }
  }
  const flock = libc.func('flock', 'int', ['int', 'int']) as Call
  const mkfifo = libc.func('mkfifo', 'int', ['const char *', 'uint']) as Call
  const syncfs = optional(libc, 'syncfs', ['int']) as { async: AsyncCall } | undefined
  const renameat2 = optional(libc, 'renameat2', [
    'int',
    'const char *',
    'int',
    'const char *',
    'uint',
  ])
  /** Whether the system can do that: ENOSYS is an old kernel, EINVAL a file system without the flag. */
  const rename = (from: Path, directory: number, to: Path, flag: number): boolean => {
    if (renameat2 === undefined) return false
    const names = [AT_FDCWD, cString(from), directory, cString(to)]
    const errno = errnoOf(renameat2, ...names, flag)
    if (errno === 0) return true
    const error = callError('renameat2', errno, from)
    if (error.code === 'ENOSYS' || error.code === 'EINVAL') return false
    throw error
  }
  const fcntl =
    process.platform === 'linux'
      ? (libc.func('int fcntl(int fd, int command, ...)') as Call)
      : undefined
  return {
    name: 'koffi',
    flock(fd) {
      const errno = errnoOf(flock, fd, LOCK_EX | LOCK_NB)
      if (errno === EAGAIN) return false
      if (errno !== 0) throw callError('flock', errno)
      return true
    },
    unlock(fd) {
      const errno = errnoOf(flock, fd, LOCK_UN)
      if (errno !== 0) throw callError('flock', errno)
    },
    mkfifo(path, mode) {
      const errno = errnoOf(mkfifo, cString(path), mode)
      if (errno !== 0) throw callError('mkfifo', errno, path)
    },
    async syncfs(fd) {
      if (syncfs === undefined) throw callError('syncfs', ENOSYS)
      const result = await new Promise<number>((resolve, reject) => {
        syncfs.async(fd, (error: Error | null, value: number) => {
          if (error === null) resolve(value)
          else reject(error)
        })
      })
      if (result !== 0) throw callError('syncfs', EIO)
    },
    renameNoReplace: (from, to, directory = AT_FDCWD) =>
      rename(from, directory, to, RENAME_NOREPLACE),
    renameExchange: (one, other) => rename(one, AT_FDCWD, other, RENAME_EXCHANGE),
    ...loadFastCalls(koffi, libc),
    ...(fcntl === undefined
      ? {}
      : {
          fcntl(fd: number, command: number, argument: number) {
            const result = fcntl(fd, command, 'int', argument)
            if (result === -1) throw callError('fcntl', koffi.errno())
            return result
          },
        }),
  }
}
