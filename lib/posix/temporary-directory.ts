import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a new directory for this user alone where the system has its temporary files. */
export function makeTemporaryDirectory(prefix: string): string {
  return mkdtempSync(join(tmpdir(), prefix))
}

/**
 * Removes a tree by its paths, if it is there. Only for one that nobody else can write to: whoever can
 * may put a link in the place of a directory meanwhile.
 */
export function removeOwnTree(path: string): void {
  rmSync(path, { recursive: true, force: true })
}
