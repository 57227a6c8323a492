import { batchesOf } from '../batches.js'
import { FsqError } from '../errors.js'
import { checkKeyOptions, type EnqueueOptions } from '../queue/draft.js'
import {
  batchSize,
  type NewItem,
  type NewItemOutcome,
  PartialError,
} from '../queue/enqueue-many.js'
import type { Queue } from '../root/queue.js'
import { print } from './output.js'
import { readSeparated } from './read-names.js'

/**
 * Enqueues one item for each line of stdin and prints its name once it is there to stay: one line
 * out for each line in, in their order, so that a shell can talk to it. The lines that are there
 * when the ones before them have been answered are enqueued together. Once a line has failed, for
 * which an empty line is printed, no further one is read.
 *
 * @param entered - is told how many items have got in, before their names are printed
 * @throws what is not about a line: that stdout cannot be written, or the reason of the signal. No
 * item is under construction any more then.
 */
export async function enqueueLines(
  queue: Queue,
  options: Omit<EnqueueOptions, 'entropy' | 'sequence' | 'id'>,
  say: (message: string) => void,
  entered: (count: number) => void,
): Promise<number> {
  let read = 0
  try {
    const lines = readSeparated(process.stdin, '\n')
    for await (const batch of batchesOf(lines, batchSize, options.signal)) {
      const { items, unreadable } = parseLines(batch)
      const outcomes = await outcomesOf(queue.enqueueMany(items, options))
      entered(countOf(outcomes))
      if (unreadable !== undefined) outcomes.push({ error: unreadable })
      const failure = sayFailures(outcomes, read + 1, say)
      await printNames(outcomes, read + 1, say)
      read += outcomes.length
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

/** How many of them are in. */
function countOf(outcomes: readonly NewItemOutcome[]): number {
  return outcomes.filter((outcome) => 'id' in outcome).length
}

/** Says which lines failed, those that did so one behind the other for one reason at once. */
function sayFailures(
  outcomes: readonly NewItemOutcome[],
  from: number,
  say: (message: string) => void,
): FsqError | undefined {
  let failure: FsqError | undefined
  for (let first = 0; first < outcomes.length;) {
    const reason = reasonFor(outcomes[first])
    let next = first + 1
    while (next < outcomes.length && reasonFor(outcomes[next])?.message === reason?.message) next++
    if (reason !== undefined) say(`${linesOf(from + first, from + next - 1)}: ${reason.message}`)
    failure ??= reason
    first = next
  }
  return failure
}

function reasonFor(outcome: NewItemOutcome | undefined): FsqError | undefined {
  if (outcome === undefined || 'id' in outcome) return undefined
  return outcome.error instanceof FsqError ? outcome.error : undefined
}

function linesOf(first: number, last: number): string {
  return first === last ? `line ${first}` : `lines ${first} to ${last}`
}

/** Prints the names. Where that fails, the items are in all the same, and it says which. */
async function printNames(
  outcomes: readonly NewItemOutcome[],
  from: number,
  say: (message: string) => void,
): Promise<void> {
  try {
    await print(outcomes.map((outcome) => `${'id' in outcome ? outcome.id : ''}\n`).join(''))
  } catch (error) {
    const count = countOf(outcomes)
    const lines = linesOf(from, from + outcomes.length - 1)
    if (count > 0) say(`${count} of ${lines} are enqueued, but their names could not be printed`)
    throw error
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

/**
 * `{"args": ["a", "b"], "body": "text"}`, or `"file": "path"` in place of the body; `"id": "key"` and
 * `"onDuplicate"` beside them.
 */
function parseLine(line: string): NewItem {
  // What is not UTF-8 was read as U+FFFD, and would be enqueued so; as an escape it may be given.
  if (line.includes('\ufffd')) throw malformed('not UTF-8')
  const item = parseJson(line)
  const isObject = typeof item === 'object' && item !== null && !Array.isArray(item)
  if (!isObject) throw malformed('not a JSON object')
  const { args = [], body, file, id, onDuplicate, ...others } = item as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw malformed(`unknown member ${JSON.stringify(unknown)}`)
  if (!Array.isArray(args) || !args.every((each) => typeof each === 'string'))
    throw malformed('"args" is not a list of strings')
  if (body !== undefined && typeof body !== 'string') throw malformed('"body" is not a string')
  if (file !== undefined && typeof file !== 'string') throw malformed('"file" is not a string')
  if (body !== undefined && file !== undefined) throw malformed('both "body" and "file"')
  if (id !== undefined && typeof id !== 'string') throw malformed('"id" is not a string')
  if (onDuplicate !== undefined && typeof onDuplicate !== 'string')
    throw malformed('"onDuplicate" is not a string')
  const key = { id, onDuplicate } as Pick<NewItem, 'id' | 'onDuplicate'>
  try {
    checkKeyOptions(key)
  } catch (cause) {
    if (cause instanceof TypeError) throw malformed(cause.message, cause)
    throw cause
  }
  return { arguments: args, body: file === undefined ? (body ?? '') : { file }, ...key }
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
    `${what}; expected {"args": ["a"], "body": "text"} or "file": "path", "id" and "onDuplicate"`,
    { cause },
  )
}
