import { spawnSync } from 'node:child_process'
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startProgram } from '../helpers/cli.js'

/*
 * What the test does to the machine: FUSE, loop devices, mounts. run.sh has given it mounts and
 * processes of its own, so whatever is not taken back here goes when the test ends, however it ends.
 * Loop devices go with the mounts that made them.
 */

export const fileSystems = ['ext4', 'xfs'] as const
export type FileSystem = (typeof fileSystems)[number]

/** The size of a disk in MiB: XFS is never smaller, ext4 is quicker when it is small. */
const sizes: Readonly<Record<FileSystem, number>> = { ext4: 64, xfs: 300 }

const makers: Readonly<Record<FileSystem, readonly [program: string, ...options: string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-b', '4096', '-E', 'nodiscard,lazy_itable_init=0'],
  xfs: ['mkfs.xfs', '-q', '-K'],
}

const server = fileURLToPath(new URL('disk.py', import.meta.url))

/** The first Python that has fusepy; another one may come first in PATH. */
const python = ['python3', '/usr/bin/python3'].find((file) =>
  works(file, ['-c', 'try: import fusepy\nexcept ImportError: import fuse']),
)

/** What it takes, and a command that succeeds where it is there. */
function needs(fileSystem: FileSystem): readonly (readonly [what: string, command: string])[] {
  return [
    ['mounts of its own (run.sh, CAP_SYS_ADMIN)', 'test -n "$POWER_PRIVATE"'],
    ['/dev/fuse', 'test -c /dev/fuse'],
    ['a free loop device', 'test -b "$(losetup --find)"'],
    ['fusepy (Debian: python3-fusepy)', python === undefined ? 'false' : 'true'],
    [makers[fileSystem][0], `command -v ${makers[fileSystem][0]}`],
    [
      `${fileSystem} in the kernel`,
      `grep -qw ${fileSystem} /proc/filesystems || modprobe -q ${fileSystem}`,
    ],
  ]
}

/** Why nothing can be tested on a file system here, if so. */
export function lacking(fileSystem: FileSystem): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = needs(fileSystem).filter(([, command]) => !works('sh', ['-c', command]))
  return missing.length > 0 && `lacks ${missing.map(([what]) => what).join(', ')}`
}

function works(file: string, words: readonly string[]): boolean {
  return spawnSync(file, words, { stdio: 'ignore' }).status === 0
}

function run(file: string, ...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(file, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} ${words.join(' ')}: ${stderr}`, { cause: error })
}

/** A new directory, in memory that run.sh has mounted. */
export function workspace(): string {
  return mkdtempSync('/dev/shm/')
}

/** Makes a file with an empty file system in it, and returns its size. */
export function makeFileSystem(fileSystem: FileSystem, path: string): number {
  const size = sizes[fileSystem] * 2 ** 20
  const [program, ...options] = makers[fileSystem]
  writeFileSync(path, '')
  truncateSync(path, size)
  run(program, ...options, path)
  return size
}

/** Mounts the file system that is in a file. Returns what unmounts it. */
export function mount(fileSystem: FileSystem, file: string, directory: string): () => void {
  run('mount', '-t', fileSystem, '-o', 'loop', file, directory)
  return () => {
    run('umount', directory)
  }
}

/** Serves a file as `disk`, next to `marks`, and logs what happens to it. Returns what ends that. */
export async function serveDisk(
  directory: string,
  file: string,
  log: string,
): Promise<() => Promise<void>> {
  const served = startProgram(python ?? '', [server, directory, file, log], { timeout: 600_000 })
  const line = await served.line().catch(() => undefined)
  if (line !== 'ready') throw new Error(`disk.py: ${(await served.ended).stderr}`)
  return async () => {
    run('umount', directory)
    const { status, stderr } = await served.ended
    if (status !== 0) throw new Error(`disk.py: ${stderr}`)
  }
}
