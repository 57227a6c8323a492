import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { errnoOf, FsqError } from '../../errors.js'
import {
  close,
  createFile,
  isSameFile,
  openIfThere,
  readSmall,
  writeFully,
} from '../../posix/files.js'
import { link, removeIfThere, statEntry, walkNames } from '../../posix/names.js'
import { getNative } from '../../posix/native.js'
import { clusterError } from './queue-files.js'
import type { Cluster } from './cluster.js'

/*
 * The lock of a cluster's queue, `.queue.lock` in its home: whoever rewrites queue files makes it first, and
 * who cannot, since it is there, goes away. Ours has a line, `fsq PID HOST TIME`, and is locked by flock(2)
 * too for as long as its process lives. So one whose process was killed on this host can be told from one
 * that is held, and is taken over. Of what the programs of the cluster leave after a crash, and of locks of
 * other hosts, nobody can know: those a person breaks.
 *
 *   1. make a file of another name with the line, and lock it   `.queue.lock.fsq-HEX`, swept by the next
 *   2. link(2) it to `.queue.lock`; EEXIST: somebody has it     the lock, stale: the next takes it over
 *   3. unlink the other name                                    the same
 *   4. when done, unlink it
 */

/** The lock of a cluster's queue, held until it is disposed of. */
export type QueueLock = Disposable

/** How the lock is taken. */
export interface QueueLockOptions {
  /**
   * Break a lock that is there, whoever made it, unless a process of this host is seen to hold it.
   *
   * @defaultValue false
   */
  readonly breakLock?: boolean
  /** Is told of a lock that was taken over or broken, in words. */
  readonly onMessage?: (message: string) => void
}

/**
 * Takes the lock of a cluster's queue, without waiting.
 *
 * @throws {@link FsqError} `FSQ_CLUSTER_LOCKED`, `FSQ_CLUSTER`
 */
export async function lockQueue(
  cluster: Cluster,
  options: QueueLockOptions = {},
): Promise<QueueLock> {
  const { lock } = cluster.paths
  try {
    sweep(cluster)
    const own = `${lock}.fsq-${randomBytes(8).toString('hex')}`
    const fd = createFile(own, 0o644)
    try {
      getNative().flock(fd)
      await writeFully(fd, Buffer.from(`fsq ${process.pid} ${hostname()} ${now()}\n`))
      takeName(own, lock, options)
    } catch (error) {
      close(fd)
      throw error
    } finally {
      removeIfThere(own)
    }
    return {
      [Symbol.dispose]: () => {
        // One that was broken meanwhile is somebody else's.
        if (isSameFile(fd, lock)) removeIfThere(lock)
        close(fd)
      },
    }
  } catch (error) {
    throw clusterError(`cannot lock ${cluster.paths.queue}`, lock, error)
  }
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+/, '')
}

/** A lock may vanish, and another come, that often while we look at it. */
const attempts = 10

function takeName(own: string, lock: string, options: QueueLockOptions): void {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      link(own, lock)
      return
    } catch (error) {
      // It was swept before it was locked: by somebody who takes the lock right now.
      if (errnoOf(error) === 'ENOENT') break
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    makeWay(lock, options)
  }
  throw locked(lock, 'others come and go')
}

/** Removes a lock that nobody holds. Throws where somebody does, or where that cannot be known. */
function makeWay(lock: string, { breakLock = false, onMessage }: QueueLockOptions): void {
  const entry = statEntry(lock)
  if (entry === undefined) return
  if (!entry.isFile()) {
    if (entry.isDirectory() || !breakLock) throw locked(lock, 'it is no regular file')
    removeIfThere(lock)
    onMessage?.(`${lock} is broken`)
    return
  }
  const fd = openIfThere(lock)
  if (fd === undefined) return
  try {
    if (!isSameFile(fd, lock)) return
    const text = readSmall(fd)?.toString('latin1').trim() ?? ''
    const [, pid, host, time] = /^fsq (\d+) (\S+) (\S+)$/.exec(text) ?? []
    const holder =
      pid === undefined ? 'it does not say by whom' : `${pid} on ${host}, since ${time}`
    if (!getNative().flock(fd)) throw locked(lock, `process ${holder}`)
    const isStale = host === hostname()
    if (!isStale && !breakLock) {
      const remedy =
        'if it is known that nobody is at it, "fsq ftpcluster import --break-lock" or rm'
      throw locked(lock, `${pid === undefined ? '' : 'process '}${holder}; ${remedy}`)
    }
    // Whoever had it locked before us may have put another in its place.
    if (!isSameFile(fd, lock)) return
    removeIfThere(lock)
    onMessage?.(`${lock} is ${isStale ? 'taken over: nobody holds it' : 'broken'} (${holder})`)
  } finally {
    close(fd)
  }
}

function locked(lock: string, why: string): FsqError {
  return new FsqError('FSQ_CLUSTER_LOCKED', `somebody else is at the queue: ${lock}: ${why}`, {
    path: lock,
  })
}

/** Removes what a process left that was killed between two of the steps. */
function sweep({ home }: Cluster): void {
  for (const name of walkNames(home)) {
    if (!/^\.queue\.lock\.fsq-[0-9a-f]{16}$/.test(name)) continue
    const path = `${home}/${name}`
    const fd = openIfThere(path)
    if (fd === undefined) continue
    try {
      if (getNative().flock(fd)) removeIfThere(path)
    } finally {
      close(fd)
    }
  }
}
