/**
 * Waits until all have ended, one way or the other, before it throws what the first of them throws: what
 * they work with may be closed then.
 */
export async function all(promises: readonly (Promise<void> | undefined)[]): Promise<void> {
  const ended = await Promise.allSettled(promises.filter((each) => each !== undefined))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
}
