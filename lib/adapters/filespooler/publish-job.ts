import { randomUUID } from 'node:crypto'
import { syncDirectory } from '../../posix/directory-sync.js'
import { close, createFile, writeFully } from '../../posix/files.js'
import { moveNoReplace, removeIfThere } from '../../posix/names.js'
import { sync } from '../../posix/sync.js'

/*
 * Putting a job into a queue:
 *
 *   1. write jobs/tmp-NAME.tmp, and fsync it   a file that is no job, and that nobody removes
 *   2. rename it to jobs/NAME                  the job, complete; a power cut may undo it
 *   3. fsync jobs/                             the job
 *
 * fspl(1) leaves out the last step.
 */

/** A new name for a job: unlike every other. */
export function makeJobName(): string {
  return `fspl-${randomUUID()}.fspl`
}

/** Writes a job file into jobs/; returns once it is there to stay. Nothing is left where that fails. */
export async function publishJob(
  directory: string,
  entry: string,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${directory}/tmp-${entry}.tmp`
  const fd = createFile(temporary, 0o666)
  try {
    try {
      for await (const piece of content) await writeFully(fd, piece)
      await sync(fd)
    } finally {
      close(fd)
    }
    if (moveNoReplace(temporary, `${directory}/${entry}`) === 'linked') removeIfThere(temporary)
  } catch (error) {
    removeIfThere(temporary)
    throw error
  }
  await syncDirectory(`${directory}/.`)
}
