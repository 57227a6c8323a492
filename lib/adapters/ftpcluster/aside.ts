import { randomBytes } from 'node:crypto'

/*
 * A queue file that is being taken from is renamed first, to a name that nobody else takes for that of a
 * queue file: so the programs of the cluster, which append to files by their names, begin a new one. The
 * name has the time of its jobs, something unique, and the name that it had:
 *
 *   .fsq-1070236799-9f86d081884c7d65-store-031231-235959-c0de.q
 *
 * A crash leaves it there, and whoever takes the lock next goes on with it.
 */

const pattern = /^\.fsq-(\d+)-([0-9a-f]{16})-(.+)$/s

/** How long a name can be, in bytes. */
const longest = 255

/** A new name to set a queue file aside under; a byte string, as the name is. */
export function asideFor(name: string, date: Date): string {
  const seconds = Math.max(0, Math.floor(date.getTime() / 1000))
  const prefix = `.fsq-${seconds}-${randomBytes(8).toString('hex')}-`
  return prefix + name.slice(0, longest - prefix.length)
}

/** Whether a name is such a one. */
export function isAside(name: string): boolean {
  return pattern.test(name)
}

/** The name that the file had before. */
export function nameOfAside(aside: string): string {
  return pattern.exec(aside)?.[3] ?? aside
}

/** The time of the jobs in it. */
export function dateOfAside(aside: string): Date {
  return new Date(Number(pattern.exec(aside)?.[1] ?? 0) * 1000)
}
