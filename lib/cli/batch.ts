import { FsqError } from '../errors.js'
import type { Body } from '../queue/body.js'
import type { EnqueueOptions } from '../queue/enqueue.js'
import type { Queue } from '../queue/queue.js'
import { untilAborted } from '../until-aborted.js'
import { print } from './output.js'
import { readSeparated } from './read-names.js'

/** How many items are on their way to the disk at the same time. */
const inFlight = 64

/**
 * Enqueues one item for each line of stdin and prints its name once it is there to stay: one line
 * out for each line in, in their order, so that a shell can talk to it. Once a line has failed, for
 * which an empty line is printed, no further one is begun; those that were are enqueued and printed.
 *
 * @throws what is not about a line: that stdout cannot be written, or the reason of the signal. No
 * item is under construction any more then.
 */
export async function enqueueBatch(
  queue: Queue,
  options: EnqueueOptions,
  say: (message: string) => void,
): Promise<number> {
  let status = 0
  let fatal: { readonly error: unknown } | undefined
  let answered = Promise.resolve()
  const waiting = new Set<Promise<void>>()
  const stop = new AbortController()
  options.signal?.addEventListener('abort', () => {
    stop.abort()
  })
  const lines = readSeparated(process.stdin, '\n')
  for (let number = 1; ; number++) {
    // Whoever reads a name before the next line is written must not wait for us to read that line.
    const line = await untilAborted(lines.next(), stop.signal).catch(unlessAborted(stop.signal))
    if (line === undefined || line.done === true) break
    const answer = answerLine(number, enqueueLine(queue, line.value, options), answered)
    answered = answer
    waiting.add(answer)
    void answer.then(() => waiting.delete(answer))
    if (waiting.size >= inFlight) await Promise.race(waiting)
  }
  await answered
  process.stdin.destroy() // An open pipe that nobody reads any more would keep us from ending.
  if (fatal !== undefined) throw fatal.error
  return status

  /** Prints what became of a line, once the lines before it have been answered. Never rejects. */
  async function answerLine(
    number: number,
    enqueued: Promise<string>,
    before: Promise<void>,
  ): Promise<void> {
    try {
      const answer = await enqueued.catch((error: unknown) => {
        stop.abort() // At once, not only when its turn to be printed comes.
        if (!(error instanceof FsqError)) throw error
        return error
      })
      await before
      if (answer instanceof FsqError) {
        status = answer.exitStatus
        say(`line ${number}: ${answer.message}`)
      }
      await print(answer instanceof FsqError ? '\n' : `${answer}\n`)
    } catch (error) {
      stop.abort()
      await before
      fatal ??= { error }
    }
  }
}

function unlessAborted(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!signal.aborted) throw error
    return undefined
  }
}

async function enqueueLine(queue: Queue, line: string, options: EnqueueOptions): Promise<string> {
  const { args, body } = parseLine(line)
  return queue.enqueue(body, args, options)
}

/** `{"args": ["a", "b"], "body": "text"}`, or `"file": "path"` in place of the body. */
function parseLine(line: string): { args: string[]; body: Body } {
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
  return { args, body: file === undefined ? (body ?? '') : { file } }
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
