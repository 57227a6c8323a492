import { deferred } from '../../lib/deferred.js'
import type { WatchedEntries } from '../../lib/key-values.js'

type Watch = WatchedEntries<unknown>['watch']

/** How entries cannot be watched, or after a while no longer be. */
export const watchFailures = {
  'cannot be watched': () => {
    throw new Error('no more watches')
  },
  'can no longer be watched': (_, onError) => {
    setImmediate(onError, new Error('no more watches'))
    return { [Symbol.dispose]: () => undefined }
  },
} satisfies Readonly<Record<string, Watch>>

/** Entries whose first watches fail, in turn; and when there is one that does not. */
export function failingWatch<T>(
  entries: WatchedEntries<T>,
  failures: readonly Watch[],
): { readonly entries: WatchedEntries<T>; readonly watched: Promise<undefined> } {
  const left = [...failures]
  const watched = deferred<undefined>()
  return {
    watched: watched.promise,
    entries: {
      get: async (key) => entries.get(key),
      create: async (key, value) => entries.create(key, value),
      replace: async (key, value, revision) => entries.replace(key, value, revision),
      remove: async (key, revision) => entries.remove(key, revision),
      list: async () => entries.list(),
      watch: (onChange, onError) => {
        const failing = left.shift()
        if (failing !== undefined) return failing(onChange, onError)
        watched.resolve(undefined)
        return entries.watch(onChange, onError)
      },
    },
  }
}
