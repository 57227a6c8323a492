import { errnoOf, FsqError } from '../errors.js'
import type { Path } from './path.js'
import { loadCommands } from './native-commands.js'
import { loadKoffi } from './native-koffi.js'

/** What is looked at of a file item by item, as in the Stats of Node.js. */
export interface FileStat {
  /** The number of its device. */
  readonly dev: number
  /** The number of its inode, rounded where it is more than a number holds. */
  readonly ino: number
  /** In bytes. */
  readonly size: number
  /** The time of its last modification, in milliseconds of the epoch. */
  readonly mtimeMs: number
  /** The time of its last change, in milliseconds of the epoch. */
  readonly ctimeMs: number
  /** Whether it is a regular file. */
  isFile(): boolean
  /** Whether it is a directory. */
  isDirectory(): boolean
}

/** The system calls that Node.js lacks, or makes slowly. Each throws a system error, with its `code`, on failure. */
export interface Native {
  /** Which backend this is. */
  readonly name: 'koffi' | 'commands'
  /** flock(2) with LOCK_EX|LOCK_NB: true once the lock is held, false while somebody else has it. */
  flock(fd: number): boolean
  /** flock(2) with LOCK_UN: nobody holds the lock any more, whoever has the same open file. */
  unlock(fd: number): void
  /** mkfifo(3). The umask applies; fchmod(2) after it gives the exact mode. */
  mkfifo(path: Path, mode: number): void
  /**
   * syncfs(2): everything that is dirty on the file system of the descriptor. Linux only. The koffi
   * backend leaves the thread free meanwhile, and knows of a failure only that there was one: EIO.
   */
  syncfs(fd: number): Promise<void>
  /**
   * renameat2(2) with RENAME_NOREPLACE: false where kernel, file system or backend cannot do it. With
   * the descriptor of a directory, `to` is a name in it.
   */
  renameNoReplace(from: Path, to: Path, directory?: number): boolean
  /** renameat2(2) with RENAME_EXCHANGE: false where kernel, file system or backend cannot do it. */
  renameExchange(one: Path, other: Path): boolean
  /**
   * open(2) of what is there, so without O_CREAT; with O_CLOEXEC. Not every backend has this and the next two;
   * where they give nothing, the call is for Node.js to make.
   */
  readonly open?: (path: Path, flags: number) => number | 'missing' | undefined
  /** fstat(2), as far as {@link FileStat} goes. */
  readonly fstat?: (fd: number) => FileStat | undefined
  /** lstat(2), the same. */
  readonly lstat?: (path: Path) => FileStat | 'missing' | undefined
  /** fcntl(2) of Linux with a number; what it returns. Not every backend has it. */
  readonly fcntl?: (fd: number, command: number, argument: number) => number
}

let native: Native | undefined

/** The backend, if anybody has used it yet. */
export function loadedNative(): Native | undefined {
  return native
}

/**
 * The backend, chosen on first use: koffi calls the C library directly, at the price of the call
 * itself; the commands flock(1) and mkfifo(1) do the same some thousand times more slowly, where
 * koffi has no binary for the machine. FSQ_NATIVE (`koffi` or `commands`) forces one.
 *
 * @throws {@link FsqError} `FSQ_UNSUPPORTED` where there is neither: fsq never runs unlocked
 * because a lock could not be had. `FSQ_ENV` for another value of FSQ_NATIVE.
 */
export function getNative(): Native {
  native ??= chooseNative(process.env['FSQ_NATIVE'])
  return native
}

function chooseNative(forced: string | undefined): Native {
  switch (forced) {
    case 'koffi':
      return loadKoffi()
    case 'commands':
      return loadCommands()
    case undefined:
    case '':
      break
    default: {
      const got = JSON.stringify(forced)
      throw new FsqError('FSQ_ENV', `Expected FSQ_NATIVE to be koffi or commands, got ${got}`)
    }
  }
  try {
    return loadKoffi()
  } catch (koffiError) {
    // What goes by must not decide for as long as this process lives.
    if (['EMFILE', 'ENFILE', 'ENOMEM'].includes(errnoOf(koffiError) ?? '')) throw koffiError
    try {
      return loadCommands()
    } catch (cause) {
      throw new FsqError(
        'FSQ_UNSUPPORTED',
        'cannot lock files: the npm package koffi does not load here and there is no flock(1); ' +
          'install koffi for this platform, or the package util-linux',
        { cause: new AggregateError([koffiError, cause]) },
      )
    }
  }
}
