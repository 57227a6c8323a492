// What the library that is measured can do: cases for what it cannot say so and are left out.

/** Finds out by trying, in a queue of its own. */
export async function findFeatures(place) {
  const queue = await place.newQueue()
  const { settings } = place.root
  for (let i = 0; i < 2; i++) await queue.enqueue('', ['bench'])
  let yielded = 0
  for await (const item of queue.scan({ limit: 1 })) {
    item.close()
    yielded++
  }
  return {
    enqueueMany: typeof queue.enqueueMany === 'function',
    durability: 'durability' in settings,
    syncfs: 'syncfs' in settings,
    limit: yielded === 1,
  }
}

/** Why a case that needs this is left out, or nothing. */
export function lacking(features, ...needed) {
  const missing = needed.filter((name) => !features[name])
  return missing.length > 0 ? `this fsq has no ${missing.join(', ')}` : undefined
}
