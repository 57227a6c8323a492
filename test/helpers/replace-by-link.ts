import { renameSync, symlinkSync } from 'node:fs'

/** Where the directory is then that a link has the place of. */
export const asideOf = (directory: string): string => `${directory}-aside`

/** Puts a link in place of a directory, as anybody can, at any moment, who may write beside it. */
export function replaceByLink(directory: string, target: string): void {
  renameSync(directory, asideOf(directory))
  symlinkSync(target, directory)
}

/** False where a directory that is held open has a path; otherwise why a test must be skipped. */
export const cannotPin = process.platform === 'linux' ? false : 'only Linux has /proc/self/fd'
