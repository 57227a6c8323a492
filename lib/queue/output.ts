import { toByteString } from '../name/charset.js'
import { pinDirectory, type PinnedDirectory } from '../posix/files.js'
import { isDirectory, removeIfThere } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { writeSideFile } from './side-directory.js'

/*
 * What a program wrote before it failed, for the person who looks: a file in .output/ of the queue by
 * the name that its item has after the failure. It is no part of fsq(7) and nothing relies on it: a crash
 * may leave one without its item, which prune removes, or an item without one.
 */

/** How much of what a program wrote is kept, in bytes. */
export const keptOutput = 64 * 1024

/** Keeps what the program of an item wrote, in place of what an earlier one wrote. */
export async function keepOutput(
  queue: QueueContext,
  id: string,
  bytes: Uint8Array,
): Promise<void> {
  const name = toByteString(id, queue.reading.charset)
  await writeSideFile(queue, { directory: queue.paths.output, name, draft: '.' }, bytes)
}

/** The directory of what failed programs wrote: held open, or nothing where none is. */
export function pinOutput({ paths }: QueueContext): PinnedDirectory | undefined {
  return isDirectory(paths.output) ? pinDirectory(paths.output) : undefined
}

/**
 * Removes what the program of an item wrote, if there is anything.
 *
 * @param entry - the name of the item, a byte string
 */
export function dropOutput(queue: QueueContext, entry: string): void {
  const directory = pinOutput(queue)
  if (directory === undefined) return
  try {
    removeIfThere(entryPath(directory.path, entry))
  } finally {
    directory.close()
  }
}
