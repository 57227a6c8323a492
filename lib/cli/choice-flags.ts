import type { Command } from 'commander'
import type { Choice } from '../upkeep/choose-entries.js'
import { durabilityFlag, type DurabilityFlags } from './durability-flag.js'
import { readNames } from './read-names.js'
import { UsageError } from './usage-error.js'
import { pattern } from './values.js'

/** The flags of what moves items that are chosen by name or otherwise. */
export interface ChoiceFlags extends DurabilityFlags {
  readonly all?: true
  readonly match?: string
  readonly older?: number
  readonly null?: true
  readonly trigger?: true
  readonly dryRun?: true
  readonly json?: true
}

/** Adds those that stand for items, but `--older`. */
export function choiceFlags(command: Command): Command {
  return command
    .option('--all', 'every item')
    .option('--match <glob>', 'items of which the name, or an argument, matches', pattern)
}

/** Adds those that say how they are moved. */
export function movingFlags(command: Command): Command {
  return durabilityFlag(
    command
      .option('-t, --trigger', 'pull the trigger of the queue that they are in then')
      .option('-0, --null', 'names on stdin end with NUL, not with a line break')
      .option('--dry-run', 'change nothing; print what would be moved')
      .option('--json', 'a JSON object a line, for each item'),
  )
}

/** Which items are meant: those of the operands, or those of the flags. */
export function choiceOf(ids: readonly string[], flags: ChoiceFlags): Choice {
  const { all, match, older } = flags
  const isBroad = match !== undefined || older !== undefined
  if (ids.length > 0) {
    if (all === true || isBroad)
      throw new UsageError('items are given by names or by flags, not both')
    return { ids: readNames(ids, flags.null === true ? '\0' : '\n') }
  }
  if (all !== true && !isBroad) throw new UsageError('no item given; --all is every item')
  if (all === true && isBroad)
    throw new UsageError('--all excludes the flags that choose among them')
  return { match, olderThan: older }
}
