import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { basename } from 'node:path'

/**
 * Which processes have a FIFO of one of those names open for reading, as Linux tells in /proc. Opening
 * it for writing would tell too, but would wake who reads it. Processes of others are seen by root
 * alone, and those of other PID namespaces not at all.
 *
 * /proc is gone through when the first FIFO is asked about, once for all.
 */
export function readFifoReaders(names: readonly string[]): (fifo: Stats) => number[] {
  let readers: Map<string, Set<number>> | undefined
  return (fifo) => [...((readers ??= findReaders(names)).get(keyOf(fifo)) ?? [])]
}

function findReaders(names: readonly string[]): Map<string, Set<number>> {
  const readers = new Map<string, Set<number>>()
  for (const pid of namesIn('/proc').filter((entry) => /^\d+$/.test(entry))) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const fifo = openForReading(pid, fd, names)
      if (fifo === undefined) continue
      const key = keyOf(fifo)
      readers.set(key, (readers.get(key) ?? new Set()).add(Number(pid)))
    }
  }
  return readers
}

/** The file behind a descriptor, if it is a FIFO of such a name and open for reading. */
function openForReading(pid: string, fd: string, names: readonly string[]): Stats | undefined {
  const path = `/proc/${pid}/fd/${fd}`
  try {
    if (!names.includes(basename(readlinkSync(path)))) return undefined
    const stat = statSync(path)
    if (!stat.isFIFO()) return undefined
    const [, flags = '1'] = /^flags:\s*([0-7]+)$/m.exec(infoOf(pid, fd)) ?? []
    const writesOnly = (parseInt(flags, 8) & 3) === 1 // O_ACCMODE, O_WRONLY: who pulls the trigger.
    return writesOnly ? undefined : stat
  } catch {
    return undefined // Closed meanwhile, or not ours to look at.
  }
}

function infoOf(pid: string, fd: string): string {
  return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function keyOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`
}
