import { toByteString } from '../name/charset.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { failure } from './failure.js'

/** The name of an item, a byte string, without how often it was tried. */
export function withoutTries(entry: string): string {
  const delimiter = entry.charAt(0)
  const fields = entry.split(delimiter)
  fields[5] = ''
  return fields.join(delimiter)
}

/** The same of an item that is known by its text. */
export function keyWithoutTries({ writing }: QueueContext, id: string): string {
  return withoutTries(toByteString(id, writing.charset))
}

/** Whether a queue has an item of that very name, be it finished. */
export function holdsItem({ paths, writing }: QueueContext, id: string): boolean {
  const entry = toByteString(id, writing.charset)
  const places = [paths.queue, paths.done, paths.fail]
  return places.some((directory) => statEntry(entryPath(directory, entry)) !== undefined)
}

/** The names in queue/, without how often each was tried. */
export function waitingNames(queue: QueueContext): Set<string> {
  return namesIn(queue, queue.paths.queue, () => true)
}

/**
 * The items that a queue had at some moment and that {@link holdsItem} may not find, since they were tried
 * again, which changes their names. Of what is finished only that is kept in memory.
 */
export class Retried {
  readonly #queue: QueueContext
  readonly #names: Set<string>
  /** How many were added. */
  added = 0

  /** @throws {@link FsqError} `FSQ_SCAN`, `FSQ_NO_QUEUE` */
  constructor(queue: QueueContext) {
    const { paths } = queue
    const wasTried = (entry: string): boolean => !/^0*$/.test(entry.split(entry.charAt(0))[5] ?? '')
    this.#queue = queue
    this.#names = new Set([
      ...waitingNames(queue),
      ...namesIn(queue, paths.done, wasTried),
      ...namesIn(queue, paths.fail, wasTried),
    ])
  }

  has(id: string): boolean {
    return this.#names.has(keyWithoutTries(this.#queue, id))
  }

  /** Knows of an item that has come since then, too. */
  add(id: string): void {
    this.#names.add(keyWithoutTries(this.#queue, id))
    this.added++
  }
}

function namesIn(
  queue: QueueContext,
  directory: string,
  which: (entry: string) => boolean,
): Set<string> {
  const names = new Set<string>()
  try {
    for (const entry of walkNames(directory, 1)) if (which(entry)) names.add(withoutTries(entry))
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot list ${queue.name}`, error, queue)
  }
  return names
}
