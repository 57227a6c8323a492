import type { QueuePaths } from './context.js'

/*
 * Where items are that are on their way into a queue from elsewhere (incoming.ts).
 */

/** Written, and not in queue/ yet; or for a moment there, too. */
export function stagedDirectory({ incoming }: Pick<QueuePaths, 'incoming'>): string {
  return `${incoming}/staged`
}

/** In queue/, or finished, and kept. */
export function linkedDirectory({ incoming }: Pick<QueuePaths, 'incoming'>): string {
  return `${incoming}/linked`
}

/** Taken out of queue/ again. */
export function withdrawnDirectory({ incoming }: Pick<QueuePaths, 'incoming'>): string {
  return `${incoming}/withdrawn`
}
