import { randomBytes } from 'node:crypto'
import { syncDirectory } from '../posix/directory-sync.js'
import { removeTree, statEntry } from '../posix/names.js'
import { type QueueContext, queuePaths } from './context.js'

/**
 * A queue before it appears, or after it has vanished: beside its place, under a hidden name that
 * begins like its own and is short enough for every name that a queue can have.
 */
export function hiddenSibling(queue: QueueContext, why: 'install' | 'uninstall'): QueueContext {
  const { settings, paths } = queue
  const hidden = `${hiddenPrefix(queue)}${why}-${randomBytes(6).toString('hex')}`
  return { ...queue, paths: queuePaths(settings, `${paths.parent}/${hidden}`) }
}

/** How the hidden names beside a queue begin. */
export function hiddenPrefix({ name, host }: QueueContext): string {
  return `.${(host?.name ?? name).slice(0, 48)}.`
}

/** Makes what was renamed beside a queue last. The root, unlike what is in it, may be a link. */
export async function syncParent({ paths }: QueueContext): Promise<void> {
  await syncDirectory(`${paths.parent}/.`)
}

/** Removes what is left of a hidden queue, if anything. */
export function discardHidden({ paths: { directory } }: QueueContext): void {
  if (statEntry(directory) !== undefined) removeTree(directory)
}
