import { constants } from 'node:fs'
import { endianness } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import type { LibraryHandle } from 'koffi'
import { AT_FDCWD, type Call, cString, optional } from './koffi-calls.js'
import type { FileStat, Native } from './native.js'

/*
 * open(2) and statx(2) of Linux for what is looked at item by item. To Node.js, each item that another worker
 * was faster with is an error with a stack, which takes twice as long to make as the call takes; and of each
 * file it makes four dates that nobody looks at. What goes wrong otherwise is left to Node.js, which makes
 * the call once more, tells what failed, and knows the kernels on which statx(2) is refused.
 */

const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff
const O_CLOEXEC = 0o2000000

/** The size of struct statx, statx(2). */
const size = 256

/** Where its fields are, in words of 32 bits; those of 64 bits have their lower half first. */
const at = { mode: 7, ino: 8, size: 10, ctime: 24, mtime: 28, major: 34, minor: 35 }

const opens = ['const char *', 'int']

/** The calls, where the system has them. */
export function loadFastCalls(
  { os, errno }: Pick<typeof import('koffi'), 'os' | 'errno'>,
  libc: LibraryHandle,
): Pick<Native, 'open' | 'fstat' | 'lstat'> {
  if (process.platform !== 'linux' || endianness() !== 'LE') return {}
  const statx = optional(libc, 'statx', ['int', 'const char *', 'int', 'uint', 'void *'])
  if (statx === undefined) return {}
  // On machines of 32 bits the open of the GNU C library refuses files of 2 GiB and more; open64 does not.
  const open = optional(libc, 'open64', opens) ?? (libc.func('open', 'int', opens) as Call)
  const { ENOENT } = os.errno as Record<'ENOENT', number>
  const words = new Uint32Array(size / 4)
  const failure = (): 'missing' | undefined => (errno() === ENOENT ? 'missing' : undefined)
  let mayOpen: boolean | undefined
  return {
    open(path, flags) {
      // The end of a worker thread closes what its Node.js has opened, and would leave our locks behind. Not asked
      // before, since a program that claims one item needs no node:worker_threads, which takes a millisecond to load.
      mayOpen ??= isMainThread
      if (!mayOpen) return undefined
      const fd = open(cString(path), flags | O_CLOEXEC)
      return fd >= 0 ? fd : failure()
    },
    fstat(fd) {
      const failed = statx(fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, words) !== 0
      return failed ? undefined : new Statx(words)
    },
    lstat(path) {
      const name = cString(path)
      const failed = statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, words) !== 0
      return failed ? failure() : new Statx(words)
    },
  }
}

/** What struct statx says, in the units of Node.js. */
class Statx implements FileStat {
  readonly dev: number
  readonly ino: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly #mode: number

  constructor(words: Uint32Array) {
    this.dev = deviceOf(wordAt(words, at.major), wordAt(words, at.minor))
    this.ino = longAt(words, at.ino)
    this.size = longAt(words, at.size)
    this.mtimeMs = timeAt(words, at.mtime)
    this.ctimeMs = timeAt(words, at.ctime)
    this.#mode = wordAt(words, at.mode) & 0xffff
  }

  isFile(): boolean {
    return (this.#mode & constants.S_IFMT) === constants.S_IFREG
  }

  isDirectory(): boolean {
    return (this.#mode & constants.S_IFMT) === constants.S_IFDIR
  }
}

function wordAt(words: Uint32Array, index: number): number {
  return words[index] ?? 0
}

/** One of 64 bits, rounded where it is more than a number holds. */
function longAt(words: Uint32Array, index: number): number {
  return wordAt(words, index) + wordAt(words, index + 1) * 2 ** 32
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
