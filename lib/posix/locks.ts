import { readFileSync, type Stats } from 'node:fs'
import { close, openDirectory } from './files.js'

/** A lock that somebody holds. */
export interface Lock {
  /** The process that took it; a program that it started may be who holds it now. */
  readonly pid: number
}

/**
 * The lock of a file, if somebody has it.
 *
 * @param directory - any on its file system
 */
export type LockOf = (stat: Stats, directory: string) => Lock | undefined

/**
 * Which files are locked by flock(2) now, and by whom, as Linux tells in /proc/locks. Looking there
 * disturbs nobody; trying the lock would, for a moment, keep a scan from an item. What other systems,
 * or other PID namespaces, have locked is not seen.
 */
export function readLocks(): LockOf {
  const locks = new Map<string, Lock>()
  for (const line of readTable().split('\n')) {
    // 1: FLOCK  ADVISORY  WRITE 3543 fe:00:1234 0 EOF
    const [, kind, , , pid, file] = line.split(/\s+/)
    const [major, minor, inode] = file?.split(':') ?? []
    if (kind !== 'FLOCK' || major === undefined || minor === undefined || inode === undefined)
      continue
    locks.set(`${parseInt(major, 16)}:${parseInt(minor, 16)}:${inode}`, { pid: Number(pid) })
  }
  if (locks.size === 0) return () => undefined // So that a million files cost nothing.
  const devices = new Map<number, string>()
  return ({ dev, ino }, directory) => {
    let device = devices.get(dev)
    if (device === undefined) devices.set(dev, (device = deviceOf(dev, directory)))
    return locks.get(`${device}:${ino}`)
  }
}

function readTable(): string {
  try {
    return readFileSync('/proc/locks', 'utf8')
  } catch {
    return ''
  }
}

/**
 * The device of a file system as /proc/locks has it. On Btrfs stat(2) tells another, one for each subvolume; two
 * files with one inode number in two of them cannot be told apart there.
 */
function deviceOf(dev: number, directory: string): string {
  const told = `${majorOf(dev)}:${minorOf(dev)}`
  if (majorOf(dev) !== 0) return told // That of a disk.
  try {
    const fd = openDirectory(`${directory}/.`)
    try {
      const [, mount] =
        /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
      const line = new RegExp(`^${mount} \\d+ (\\d+:\\d+) `, 'm')
      return line.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? told
    } finally {
      close(fd)
    }
  } catch {
    return told
  }
}

/** The two halves of a device number, as makedev(3) of Linux puts them together. */
function majorOf(dev: number): number {
  return (dev >>> 8) & 0xfff
}

function minorOf(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00)
}
