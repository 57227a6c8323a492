import { randomBytes } from 'node:crypto'
import { syncDirectory } from '../posix/directory-sync.js'
import { removeTree, statEntry } from '../posix/names.js'
import { type QueueContext, queuePaths } from './context.js'

/**
 * A queue before it appears, or after it has vanished: beside its place, under a hidden name that
 * begins like its own and is short enough for every name that a queue can have.
 */
export function hiddenSibling(queue: QueueContext, why: 'install' | 'uninstall'): QueueContext {
  const { settings, name } = queue
  const hidden = `.${name.slice(0, 48)}.${why}-${randomBytes(6).toString('hex')}`
  return { ...queue, paths: queuePaths(settings, `${settings.root}/${hidden}`) }
}

/** Makes what was renamed in the root last. The root itself, unlike what is in it, may be a link. */
export async function syncRoot({ settings }: QueueContext): Promise<void> {
  await syncDirectory(`${settings.root}/.`)
}

/** Removes what is left of a hidden queue, if anything. */
export function discardHidden({ paths: { directory } }: QueueContext): void {
  if (statEntry(directory) !== undefined) removeTree(directory)
}
