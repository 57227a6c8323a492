import { fstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { getNative } from './native.js'
import { systemError } from './system-error.js'

/*
 * Whether somebody has a file open for writing. A read lease, fcntl(2) of Linux, is not to be had while
 * anybody has, and is broken by who opens it for writing later: that is told at once and waits until we are
 * done, or for as long as /proc/sys/fs/lease-break-time says, 45 seconds by default. Its owner and root may
 * take one, on most local file systems.
 *
 * Where there is none, /proc tells: for root of all processes, for others of their own alone.
 */

/** A watch over who writes to a file. */
export interface WriterWatch extends Disposable {
  /** Whether somebody has opened it for writing since, or now wants to and waits. */
  readonly isBroken: () => boolean
}

const F_SETSIG = 10
const F_SETLEASE = 1024
const F_GETLEASE = 1025
const F_RDLCK = 0
const F_UNLCK = 2

/** Ignored unless somebody handles it; a lease that is broken says so by SIGIO otherwise, which kills. */
const SIGURG = 23

/**
 * Watches who writes to a file, which is open for reading here. Nothing while somebody has it open for
 * writing. Throws EPERM where that cannot be told: it is another user's, or this is not Linux.
 */
export function watchWriters(fd: number): WriterWatch | undefined {
  if (process.platform !== 'linux') throw systemError('EPERM', `descriptor ${fd}`)
  const { fcntl } = getNative()
  if (fcntl === undefined) return watchProcesses(fd)
  try {
    fcntl(fd, F_SETSIG, SIGURG)
    fcntl(fd, F_SETLEASE, F_RDLCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') return undefined
    // EACCES: it is another user's. EINVAL: a file system without leases.
    if (code === 'EACCES' || code === 'EINVAL') return watchProcesses(fd)
    throw error
  }
  return {
    isBroken: () => fcntl(fd, F_GETLEASE, 0) !== F_RDLCK,
    [Symbol.dispose]: () => {
      fcntl(fd, F_SETLEASE, F_UNLCK)
    },
  }
}

function watchProcesses(fd: number): WriterWatch | undefined {
  const stat = fstatSync(fd)
  const user = process.geteuid?.()
  if (user !== 0 && user !== stat.uid) throw systemError('EPERM', `descriptor ${fd}`)
  if (hasWriter(stat)) return undefined
  return {
    isBroken: () => hasWriter(stat),
    [Symbol.dispose]: () => undefined,
  }
}

/** Whether a process that /proc lets us see has the file open for writing. */
function hasWriter(file: Stats): boolean {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => namesIn(`/proc/${pid}/fd`).some((fd) => writes(pid, fd, file)))
}

function writes(pid: string, fd: string, { dev, ino }: Stats): boolean {
  try {
    const stat = statSync(`/proc/${pid}/fd/${fd}`)
    if (stat.dev !== dev || stat.ino !== ino) return false
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(info) ?? []
    return (parseInt(flags, 8) & 3) !== 0 // O_ACCMODE: not O_RDONLY.
  } catch {
    return false // Closed meanwhile, or not ours to look at.
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
