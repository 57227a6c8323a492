import type { Command } from 'commander'
import {
  decoderFlag,
  type DecoderFlags,
  queueFlag,
  type QueueFlags,
  sequenceNumber,
} from './fspl-command.js'

/** The flags of a command that is about one job of a queue. */
export interface JobFlags extends QueueFlags, DecoderFlags {
  readonly job: bigint
}

/** Adds -q, -d and -j. */
export function jobFlags(command: Command): Command {
  return decoderFlag(queueFlag(command)).requiredOption(
    '-j, --job <id>',
    'number of the job',
    sequenceNumber,
  )
}
