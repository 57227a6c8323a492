import type { FsqError } from '../errors.js'
import type { Queue } from '../root/queue.js'
import { pullAfterwards } from './afterwards.js'
import type { ChoiceFlags } from './choice-flags.js'
import type { Call } from './command.js'
import { errorJson, harmless, jsonLine, print } from './output.js'

/** What the library tells of an item that is moved. */
export interface Moved {
  readonly id: string
  readonly outcome: string
  readonly newId?: string
  readonly error?: FsqError
}

/**
 * Moves items and tells what became of each; the exit status, which is that of the first that was left
 * where it was.
 *
 * @param moving - tells of them
 * @param directory - that they are in before
 * @param target - the queue that they are in then
 * @param done - what is done with them, as a participle
 */
export async function printMoved<M extends Moved>(
  call: Call<ChoiceFlags>,
  moving: AsyncIterable<M>,
  directory: string,
  target: Queue,
  done: string,
): Promise<number> {
  const { flags, say, chirp } = call
  let status = 0
  let count = 0
  try {
    for await (const moved of moving) {
      const { id, newId, error } = moved
      if (error === undefined) count++
      else status ||= error.exitStatus
      if (flags.json === true) await print(jsonLine(jsonOf(moved)))
      else if (error !== undefined) say(error.message)
      else if (flags.dryRun === true) await print(`${directory}/${harmless(id)}\n`)
      else chirp(`${done} ${id}${newId === id ? '' : `, now ${newId ?? ''}`}`)
    }
  } finally {
    // An open pipe that nobody reads any more would keep us from ending.
    if (call.operands.includes('-')) process.stdin.destroy()
    // Also where the rest of them could not be moved, or told of.
    chirp(`${target.name}: ${count} ${flags.dryRun === true ? `would be ${done}` : done}`)
    if (flags.trigger === true && flags.dryRun !== true && count > 0)
      await pullAfterwards(done, target, call)
  }
  return status
}

function jsonOf({ error, ...moved }: Moved): object {
  return { ...moved, ...(error === undefined ? {} : { error: errorJson(error) }) }
}
