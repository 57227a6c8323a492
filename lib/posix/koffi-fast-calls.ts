import { constants } from 'node:fs'
import { endianness } from 'node:os'
import type { LibraryHandle } from 'koffi'
import { type Call, callError, cString, optional } from './koffi-calls.js'
import type { FileStat, Native } from './native.js'

/*
 * open(2) and statx(2) of Linux for what is looked at item by item. Node.js makes an error, with its stack,
 * of every item that another worker was faster with, and four dates of every file: the first costs several
 * times as much as the call, the others as much as it.
 */

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff
const O_CLOEXEC = 0o2000000

/** The size of struct statx, statx(2). */
const size = 256

/** Where its fields are, in words of 32 bits; those of 64 bits have their lower half first. */
const at = { mode: 7, ino: 8, ctime: 24, mtime: 28, major: 34, minor: 35 }

const opens = ['const char *', 'int']

/** The calls, where the system has them. */
export function loadFastCalls(
  { os, errno }: Pick<typeof import('koffi'), 'os' | 'errno'>,
  libc: LibraryHandle,
): Pick<Native, 'open' | 'fstat' | 'lstat'> {
  if (process.platform !== 'linux' || endianness() !== 'LE') return {}
  const statx = optional(libc, 'statx', ['int', 'const char *', 'int', 'uint', 'void *'])
  if (statx === undefined) return {}
  // Where both are there, the other refuses files of 2 GiB and more on machines of 32 bits.
  const open = optional(libc, 'open64', opens) ?? (libc.func('open', 'int', opens) as Call)
  const { ENOENT, EINTR } = os.errno as Record<'ENOENT' | 'EINTR', number>
  const words = new Uint32Array(size / 4)
  return {
    open(path, flags) {
      const name = cString(path)
      for (;;) {
        const fd = open(name, flags | O_CLOEXEC)
        if (fd >= 0) return fd
        const failed = errno()
        if (failed === ENOENT) return undefined
        if (failed !== EINTR) throw callError('open', failed, path)
      }
    },
    fstat(fd) {
      if (statx(fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, words) === 0) return new Statx(words)
      throw callError('statx', errno())
    },
    lstat(path) {
      const name = cString(path)
      if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, words) === 0)
        return new Statx(words)
      const failed = errno()
      if (failed === ENOENT) return undefined
      throw callError('statx', failed, path)
    },
  }
}

/** What struct statx says, in the units of Node.js. */
class Statx implements FileStat {
  readonly dev: number
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly #mode: number

  constructor(words: Uint32Array) {
    this.dev = deviceOf(wordAt(words, at.major), wordAt(words, at.minor))
    this.ino = wordAt(words, at.ino) + wordAt(words, at.ino + 1) * 2 ** 32
    this.mtimeMs = timeAt(words, at.mtime)
    this.ctimeMs = timeAt(words, at.ctime)
    this.#mode = wordAt(words, at.mode) & 0xffff
  }

  isFile(): boolean {
    return (this.#mode & constants.S_IFMT) === constants.S_IFREG
  }
}

function wordAt(words: Uint32Array, index: number): number {
  return words[index] ?? 0
}

/** A struct statx_timestamp: seconds, which may be negative, and nanoseconds; in milliseconds. */
function timeAt(words: Uint32Array, index: number): number {
  const seconds = wordAt(words, index) + (wordAt(words, index + 1) | 0) * 2 ** 32
  return seconds * 1000 + wordAt(words, index + 2) / 1e6
}

/** The number of a device, as makedev(3) of Linux makes it of what the kernel has: 12 and 20 bits. */
function deviceOf(major: number, minor: number): number {
  return (((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff)) >>> 0
}
