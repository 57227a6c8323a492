/**
 * When an entry came to where it is, in milliseconds. Finishing sets the mtime; but other programs do
 * not, nor can whoever does not own the file, and then it is that of enqueueing, perhaps long ago.
 * The ctime is that of the rename at the earliest.
 */
export function finishedAt(stat: { readonly mtimeMs: number; readonly ctimeMs: number }): number {
  return Math.max(stat.mtimeMs, stat.ctimeMs)
}

/**
 * Whether an entry came to where it is no later than at a time, in milliseconds. A time has whole
 * milliseconds: what came in this one is not in the future.
 */
export function isFinishedBy(
  limit: number,
  stat: { readonly mtimeMs: number; readonly ctimeMs: number },
): boolean {
  return Math.floor(finishedAt(stat)) <= limit
}
