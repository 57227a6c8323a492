import { readFileSync, type Stats } from 'node:fs'

/** A lock that somebody holds. */
export interface Lock {
  /** The process that took it; a program that it started may be who holds it now. */
  readonly pid: number
}

/**
 * Which files are locked by flock(2) now, and by whom, as Linux tells in /proc/locks. Looking there
 * disturbs nobody; trying the lock would, for a moment, keep a scan from an item. What other systems,
 * or other PID namespaces, have locked is not seen.
 */
export function readLocks(): (stat: Stats) => Lock | undefined {
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
  return ({ dev, ino }) => locks.get(`${majorOf(dev)}:${minorOf(dev)}:${ino}`)
}

function readTable(): string {
  try {
    return readFileSync('/proc/locks', 'utf8')
  } catch {
    return ''
  }
}

/** The two halves of a device number, as makedev(3) of Linux puts them together. */
function majorOf(dev: number): number {
  return (dev >>> 8) & 0xfff
}

function minorOf(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00)
}
