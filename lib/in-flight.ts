/**
 * Runs something for each of what a source yields, several at a time. After the first failure nothing
 * more is taken from the source.
 *
 * @param most - how many at a time
 * @throws what the source throws, or the first run that fails; when all that were begun have ended
 */
export async function inFlight<T>(
  source: AsyncIterable<T>,
  most: number,
  run: (each: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  let failed: { readonly error: unknown } | undefined
  try {
    for await (const each of source) {
      const tracked = run(each)
        .catch((error: unknown) => {
          failed ??= { error }
        })
        .finally(() => running.delete(tracked))
      running.add(tracked)
      if (running.size >= most) await Promise.race(running)
      if (failed !== undefined) {
        // Before the source is left: what it yielded may end with it, as the items of a scan do.
        await Promise.all(running)
        break
      }
    }
  } finally {
    await Promise.all(running)
  }
  if (failed !== undefined) throw failed.error
}
