import { errnoOf } from '../errors.js'
import { type Inode, inodeOf } from '../posix/inode.js'
import { isDirectory, listNames, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { entriesOf, removeIfStale } from '../queue/key.js'
import { turn } from '../turn.js'

/** The directories of the keys of a queue (lib/queue/key.ts), in no order. */
export async function* keysOf({ paths: { ids } }: QueueContext): AsyncGenerator<string> {
  if (!isDirectory(ids)) return
  for (const name of walkNames(ids)) {
    await turn()
    const directory = `${ids}/${name}`
    if (/^[0-9a-f]{64}$/.test(name) && isDirectory(directory)) yield directory
  }
}

/** The files that are items with a key. */
export async function* keyedFiles(context: QueueContext): AsyncGenerator<Inode> {
  for await (const directory of keysOf(context)) {
    for (const name of ifThere(() => listNames(directory)) ?? []) {
      const inode = inodeOf(entryPath(directory, name))
      if (inode !== undefined) yield inode
    }
  }
}

/** Removes the keys whose items are gone, which keep their files on the disk. */
export async function removeStaleKeys(context: QueueContext): Promise<void> {
  for await (const directory of keysOf(context)) {
    if (isStaleKey(context, directory)) removeIfStale(context, directory)
  }
}

/** Whether the item of a key is gone. */
export function isStaleKey(context: QueueContext, directory: string): boolean {
  const entries = ifThere(() => entriesOf(context, directory))
  return entries !== undefined && !entries.some(({ isItem }) => isItem)
}

/** Nothing where another has removed it. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
