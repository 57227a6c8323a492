import type { Command } from 'commander'
import type { DeadChoice } from '../adapters/jetstream/index.js'
import { natsFlags, type NatsFlags } from './nats-flags.js'
import { UsageError } from './usage-error.js'
import { count } from './values.js'

/** The flags of what is done with dead letters that are chosen. */
export interface DeadFlags extends NatsFlags {
  readonly all?: true
  readonly queue?: string
}

/** Adds them; `all` says what `--all` stands for. */
export function deadFlags(command: Command, all: string): Command {
  return natsFlags(
    command.option('--all', all).option('--queue <queue>', 'with --all: only those of this queue'),
  )
}

/** Which dead letters are meant: those of the operands, or all. */
export function deadChoiceOf(
  operands: readonly string[],
  { all, queue }: DeadFlags,
): readonly number[] | DeadChoice {
  if (operands.length > 0 && (all === true || queue !== undefined))
    throw new UsageError('dead letters are given by numbers or by --all, not both')
  if (operands.length === 0 && all !== true)
    throw new UsageError('no dead letter given; --all is every one')
  return all === true ? { queue } : operands.map((seq) => count(seq))
}
