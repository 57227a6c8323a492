import type { Command } from 'commander'
import type { Outcome, RetryOptions } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { queueAt } from '../root/queue-at.js'
import type { Call } from './command.js'
import type { DurabilityFlags } from './durability-flag.js'
import { eachOf } from './each-queue.js'
import { maxTriesFlag, ttlFlag } from './limit-flags.js'
import { readNames } from './read-names.js'
import { duration } from './values.js'

/** The flags of done, fail and retry. */
export interface FinishFlags extends DurabilityFlags {
  readonly null?: true
}

/** The flags of what fails temporarily. */
export interface LimitFlags extends FinishFlags {
  readonly maxTries?: number
  readonly ttl?: number
  readonly delay?: number
}

/** Adds the flags of done, fail and retry. */
export function finishFlags(command: Command): Command {
  return command.option('-0, --null', 'names on stdin end with NUL, not with a line break')
}

/** Adds the flags of what fails temporarily. */
export function limitFlags(command: Command): Command {
  return finishFlags(command)
    .option(...maxTriesFlag)
    .option(...ttlFlag)
    .option('--delay <duration>', 'not to be tried again for so long: 90s, 10m, 7d', duration)
}

/** Of the flags, the limits and the time of the next try. */
export function retryOptions({ maxTries, ttl, delay }: LimitFlags): RetryOptions {
  return {
    ...(delay === undefined ? {} : { notBefore: new Date(Date.now() + delay * 1000) }),
    ...(maxTries === undefined ? {} : { maxTries }),
    ...(ttl === undefined ? {} : { ttl }),
  }
}

/**
 * Finishes the items of the queue that the operands name, each under its lock. Run by a program that
 * scan runs, it finds the lock in its own standard input, or with -n in descriptor 3.
 */
export async function finishByName(
  call: Call<FinishFlags>,
  finish: (item: Item) => Promise<Outcome>,
): Promise<number> {
  const [name = '', ...ids] = call.operands
  const queue = queueAt(call.root({ durability: call.flags.durability }), name)
  const names = readNames(ids, call.flags.null === true ? '\0' : '\n')
  return eachOf(names, call, async (id) => {
    const item = await queue.claim(id, { inherited: [0, 3] })
    try {
      const { state, id: newId, reason } = await finish(item)
      if (reason !== undefined) call.say(reason.message)
      else if (state === 'queue') call.chirp(`${id}: failed temporarily, now ${newId}`)
      else call.chirp(`${id}: ${state === 'done' ? 'succeeded' : 'failed permanently'}`)
    } finally {
      item.close()
    }
  })
}
