import { checkMembers } from '../members.js'
import { pinDirectory } from '../posix/files.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { readTail } from '../posix/read-tail.js'
import { failure } from '../queue/failure.js'
import { isHidden } from '../queue/list-entries.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import { turn } from '../turn.js'
import { nameOf } from './list-items.js'
import { Newest } from './newest.js'
import { finishedAt } from './finished-at.js'

/** So many entries of fail/, those with the newest names, are looked at. */
const looked = 5000

/** What is told of failures. */
export interface LastFailuresOptions {
  /** At most so many. @defaultValue 20 */
  readonly most?: number
  /** So many bytes of what the program wrote last. @defaultValue 4096 */
  readonly outputBytes?: number
  /** Ends it: the call throws the reason. */
  readonly signal?: AbortSignal | undefined
}

const known: ReadonlySet<string> = new Set<keyof LastFailuresOptions>([
  'most',
  'outputBytes',
  'signal',
])

/** An item in fail/. */
export interface LastFailure {
  /** The queue. */
  readonly queue: string
  /** Its name; with \\xNN for bytes that are not text. */
  readonly id: string
  /** When it came to fail/. */
  readonly failedAt: Date
  /** How often it was tried before; not there where its name is not that of a work-item. */
  readonly tries?: number
  /** Its arguments, likewise. */
  readonly arguments?: readonly string[]
  /** The end of what its program wrote, where that was kept; any bytes. */
  readonly output?: Buffer
}

/**
 * The items of a queue that failed last, the latest first. Of more than 5000 in fail/, those with the
 * newest names are looked at; they are mostly the ones that failed last.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export async function lastFailures(
  queue: Queue,
  options: LastFailuresOptions = {},
): Promise<LastFailure[]> {
  checkMembers('an option of lastFailures', options, known)
  const { most = 20, outputBytes = 4096, signal } = options
  const { context } = queue
  const newest = new Newest(looked)
  const found: { entry: string; time: number }[] = []
  try {
    const directory = pinDirectory(context.paths.fail)
    try {
      for (const entry of walkNames(directory.path)) {
        await turn()
        signal?.throwIfAborted()
        if (!isHidden(entry, context)) newest.add(entry)
      }
      for (const entry of newest.names()) {
        await turn()
        const stat = statEntry(entryPath(directory.path, entry))
        if (stat !== undefined) found.push({ entry, time: finishedAt(stat) })
      }
    } finally {
      directory.close()
    }
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot list the failures of ${context.name}`, error, context)
  }
  found.sort((a, b) => b.time - a.time)
  return found.slice(0, most).map(({ entry, time }) => {
    const name = nameOf(context.reading, entry)
    const output = readTail(entryPath(context.paths.output, entry), outputBytes)
    return {
      queue: context.name,
      id: printableName(entry, context.reading.charset),
      failedAt: new Date(time),
      ...(name === undefined ? {} : { tries: name.tries, arguments: name.arguments }),
      ...(output === undefined ? {} : { output }),
    }
  })
}
