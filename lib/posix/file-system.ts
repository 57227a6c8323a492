import { statfsSync } from 'node:fs'
import { release } from 'node:os'

/** The types of statfs(2) whose syncfs(2) writes everything and reports what could not be written. */
const reporting: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  0x01021994, // tmpfs, which has nothing to write
])

/**
 * Whether a syncfs(2) of the file system that a directory is on can be relied on. Before Linux 5.8
 * it reports success for data that could not be written; FUSE does not pass it on; of other file
 * systems nobody here knows.
 */
export function syncfsReports(directory: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (process.platform !== 'linux' || major < 5 || (major === 5 && minor < 8)) return false
  return reporting.has(statfsSync(directory).type)
}
