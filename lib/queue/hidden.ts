import { randomBytes } from 'node:crypto'
import { type QueueContext, queuePaths } from './context.js'

/** A queue before it appears, or after it has vanished: beside its place, under a hidden name. */
export function hiddenSibling(queue: QueueContext, why: 'install' | 'uninstall'): QueueContext {
  const { settings, name } = queue
  const hidden = `.${name}.${why}-${randomBytes(6).toString('hex')}`
  return { ...queue, paths: queuePaths(settings, `${settings.root}/${hidden}`) }
}

/** Removes a hidden directory and all below it; links are removed, never followed. */
export async function discardTree(directory: string): Promise<void> {
  // Loaded here, because most programs never remove a queue.
  const { remove } = await import('fs-extra/esm')
  await remove(directory)
}
