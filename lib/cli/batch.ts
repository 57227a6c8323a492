import { setImmediate } from 'node:timers/promises'
import { FsqError } from '../errors.js'
import type { EnqueueOptions } from '../queue/draft.js'
import { type NewItem, type NewItemOutcome, PartialError } from '../queue/enqueue-many.js'
import type { Queue } from '../queue/queue.js'
import { untilAborted } from '../until-aborted.js'
import { print } from './output.js'
import { readSeparated } from './read-names.js'

/** How many lines are enqueued together at most. */
const most = 512

/**
 * Enqueues one item for each line of stdin and prints its name once it is there to stay: one line
 * out for each line in, in their order, so that a shell can talk to it. The lines that are there
 * when the ones before them have been answered are enqueued together. Once a line has failed, for
 * which an empty line is printed, no further one is read.
 *
 * @throws what is not about a line: that stdout cannot be written, or the reason of the signal. No
 * item is under construction any more then.
 */
export async function enqueueLines(
  queue: Queue,
  options: EnqueueOptions,
  say: (message: string) => void,
): Promise<number> {
  let number = 0
  try {
    const lines = readSeparated(process.stdin, '\n')
    for await (const batch of together(lines, options.signal)) {
      const { items, unreadable } = parseLines(batch)
      const outcomes: NewItemOutcome[] = await outcomesOf(queue.enqueueMany(items, options))
      if (unreadable !== undefined) outcomes.push({ error: unreadable })
      let failure: FsqError | undefined
      for (const outcome of outcomes) {
        number++
        if ('id' in outcome || !(outcome.error instanceof FsqError)) continue
        failure ??= outcome.error
        say(`line ${number}: ${outcome.error.message}`)
      }
      await print(outcomes.map((outcome) => `${'id' in outcome ? outcome.id : ''}\n`).join(''))
      for (const outcome of outcomes) {
        if ('error' in outcome && !(outcome.error instanceof FsqError)) throw outcome.error
      }
      if (failure !== undefined) return failure.exitStatus
    }
    return 0
  } finally {
    process.stdin.destroy() // An open pipe that nobody reads any more would keep us from ending.
  }
}

/** What became of the items, also where some of them failed. */
async function outcomesOf(enqueued: Promise<string[]>): Promise<NewItemOutcome[]> {
  try {
    return (await enqueued).map((id) => ({ id }))
  } catch (error) {
    if (!(error instanceof PartialError)) throw error
    return [...error.outcomes]
  }
}

/**
 * The lines in batches of those that can be had without waiting for more. Whoever reads a name
 * before the next line is written must not wait for us to read that line.
 */
async function* together(
  lines: AsyncIterator<string, unknown>,
  signal: AbortSignal | undefined,
): AsyncGenerator<string[]> {
  let next = lines.next()
  for (;;) {
    const batch: string[] = []
    let line: IteratorResult<string, unknown> | undefined = await untilAborted(next, signal)
    while (line !== undefined && line.done !== true) {
      batch.push(line.value)
      next = lines.next()
      line = batch.length < most ? await Promise.race([next, setImmediate(undefined)]) : undefined
    }
    if (batch.length > 0) yield batch
    if (line?.done === true) return
  }
}

/** The items that the lines are, up to the first that is none. */
function parseLines(lines: readonly string[]): { items: NewItem[]; unreadable?: FsqError } {
  const items: NewItem[] = []
  for (const line of lines) {
    try {
      items.push(parseLine(line))
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      return { items, unreadable: error }
    }
  }
  return { items }
}

/** `{"args": ["a", "b"], "body": "text"}`, or `"file": "path"` in place of the body. */
function parseLine(line: string): NewItem {
  // What is not UTF-8 was read as U+FFFD, and would be enqueued so; as an escape it may be given.
  if (line.includes('\ufffd')) throw malformed('not UTF-8')
  const item = parseJson(line)
  const isObject = typeof item === 'object' && item !== null && !Array.isArray(item)
  if (!isObject) throw malformed('not a JSON object')
  const { args = [], body, file, ...others } = item as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw malformed(`unknown member ${JSON.stringify(unknown)}`)
  if (!Array.isArray(args) || !args.every((each) => typeof each === 'string'))
    throw malformed('"args" is not a list of strings')
  if (body !== undefined && typeof body !== 'string') throw malformed('"body" is not a string')
  if (file !== undefined && typeof file !== 'string') throw malformed('"file" is not a string')
  if (body !== undefined && file !== undefined) throw malformed('both "body" and "file"')
  return { arguments: args, body: file === undefined ? (body ?? '') : { file } }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw malformed('not JSON', cause)
  }
}

function malformed(what: string, cause?: unknown): FsqError {
  return new FsqError(
    'FSQ_BATCH',
    `${what}; expected {"args": ["a"], "body": "text"} or "file": "path"`,
    { cause },
  )
}
