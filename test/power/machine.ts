import { spawnSync } from 'node:child_process'
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startProgram } from '../helpers/cli.js'

/*
 * What the test does to the machine: FUSE, loop devices, mounts. run.sh has given it mounts and
 * processes of its own, so whatever is not taken back here goes when the test ends, however it ends.
 * Loop devices go with the mounts that made them.
 */

/** How a file system is made, and mounted after the loss of power. */
interface Recipe {
  /** As mount(8) calls it. */
  readonly type: string
  /** In MiB: XFS is never smaller, ext4 is quicker when it is small. */
  readonly size: number
  readonly make: readonly [program: string, ...options: string[]]
  /** What runs on it before it is mounted, as when a machine starts; nothing where a journal does. */
  readonly check?: readonly [program: string, ...options: string[]]
}

const ext4: Recipe = {
  type: 'ext4',
  size: 64,
  make: ['mkfs.ext4', '-q', '-b', '4096', '-E', 'nodiscard,lazy_itable_init=0'],
}

const recipes = {
  ext4,
  xfs: { type: 'xfs', size: 300, make: ['mkfs.xfs', '-q', '-K'] },
  'ext4-nojournal': {
    ...ext4,
    make: [...ext4.make, '-O', '^has_journal'],
    check: ['e2fsck', '-fy'],
  },
} satisfies Readonly<Record<string, Recipe>>

export type FileSystem = keyof typeof recipes
export const fileSystems = Object.keys(recipes) as readonly FileSystem[]

const recipeOf = (fileSystem: FileSystem): Recipe => recipes[fileSystem]

/** Whether what is promised is promised on it: see docs/guarantees.md. */
export function isJudged(fileSystem: FileSystem): boolean {
  return recipeOf(fileSystem).check === undefined
}

const server = fileURLToPath(new URL('disk.py', import.meta.url))

/** The first Python that has fusepy; another one may come first in PATH. */
const python = ['python3', '/usr/bin/python3'].find((file) =>
  works(file, ['-c', 'try: import fusepy\nexcept ImportError: import fuse']),
)

/** What it takes, and a command that succeeds where it is there. */
function needs(fileSystem: FileSystem): readonly (readonly [what: string, command: string])[] {
  const { type, make, check } = recipeOf(fileSystem)
  const programs = [make[0], ...(check === undefined ? [] : [check[0]])]
  return [
    ['mounts of its own (run.sh, CAP_SYS_ADMIN)', 'test -n "$POWER_PRIVATE"'],
    ['/dev/fuse', 'test -c /dev/fuse'],
    ['a free loop device', 'test -b "$(losetup --find)"'],
    ['fusepy (Debian: python3-fusepy)', python === undefined ? 'false' : 'true'],
    ...programs.map((name) => [name, `command -v ${name}`] as const),
    [`${type} in the kernel`, `grep -qw ${type} /proc/filesystems || modprobe -q ${type}`],
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
  const recipe = recipeOf(fileSystem)
  const size = recipe.size * 2 ** 20
  const [program, ...options] = recipe.make
  writeFileSync(path, '')
  truncateSync(path, size)
  run(program, ...options, path)
  return size
}

/**
 * Checks the file system that is in a file, where it has no journal that sees to that when it is
 * mounted. What is mended is no failure (status 1, or 2 where the root would have to be mounted
 * again), only what is left is.
 */
export function checkFileSystem(fileSystem: FileSystem, file: string): void {
  const { check } = recipeOf(fileSystem)
  if (check === undefined) return
  const [program, ...options] = check
  const { status, stdout, stderr } = spawnSync(program, [...options, file], { encoding: 'utf8' })
  if (status === null || status > 2)
    throw new Error(`${program} ${file}: ${status}: ${stdout}${stderr}`)
}

/** Mounts the file system that is in a file. Returns what unmounts it. */
export function mount(fileSystem: FileSystem, file: string, directory: string): () => void {
  run('mount', '-t', recipeOf(fileSystem).type, '-o', 'loop', file, directory)
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
