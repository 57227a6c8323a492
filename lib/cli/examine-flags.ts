import type { Command } from 'commander'
import type { AuditOptions } from '../upkeep/finding.js'
import { duration, setting, timeToLive } from './values.js'

/** The flags that audit and repair share. */
export type ExamineFlags = Pick<AuditOptions, 'older' | 'maxTries' | 'ttl'>

/** Adds them. */
export function examineFlags(command: Command): Command {
  return command
    .option('--older <duration>', 'leftovers are what is so old: 0s, 10m, 36h (default)', duration)
    .option('-m, --max-tries <n>', 'items are tried n times; 0 for ever', setting('maxTries'))
    .option('-t, --ttl <duration>', 'items live so long; 0 for ever', timeToLive)
}

/** What they say, without what every command takes. */
export function examineOptions({ older, maxTries, ttl }: ExamineFlags): ExamineFlags {
  return {
    older,
    ...(maxTries === undefined ? {} : { maxTries }),
    ...(ttl === undefined ? {} : { ttl }),
  }
}
