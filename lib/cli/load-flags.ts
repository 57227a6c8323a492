import type { Command } from 'commander'
import type { Backoff } from '../work/backoff.js'
import type { LoadOptions } from '../work/work-options.js'
import type { HostChoice } from '../queue/hosts.js'
import { type Call } from './command.js'
import { durabilityFlag, type DurabilityFlags } from './durability-flag.js'
import { maxTriesFlag, ttlFlag } from './limit-flags.js'
import {
  backoff,
  count,
  duration,
  hosts,
  keyLimit,
  type KeyLimit,
  positive,
  setting,
} from './values.js'
import type { Root } from '../root/root.js'
import { UsageError } from './usage-error.js'

/** The flags of the commands that run programs for items. */
export interface LoadFlags extends DurabilityFlags {
  readonly allHosts?: true
  readonly host?: readonly string[]
  readonly env?: boolean
  readonly open?: boolean
  readonly ignoreDown?: true
  readonly emptyOk?: true
  readonly lock?: boolean
  readonly ttl?: number
  readonly maxTries?: number
  readonly successCode?: number
  readonly failTmpCode?: number
  readonly failPermCode?: number
  readonly maxRate?: number
  readonly jobs?: number
  readonly limitBy?: KeyLimit
  readonly timeout?: number
  readonly grace?: number
  readonly backoff?: Backoff
  readonly keepOutput?: true
  readonly ordered?: true
  readonly gapTimeout?: number
}

/** Adds them. */
export function loadFlags(command: Command): Command {
  return durabilityFlag(
    command
      .option('-a, --all-hosts', 'the items of all host queues, not those of the queue')
      .option('-A, --host <host>', 'those of the host queue of that host; may be repeated', hosts)
      .option('-e, --env', 'tell the program of the item in FSQ_ITEM_* (default)')
      .option('-E, --no-env', 'do not')
      .option('-n, --no-open', 'do not give the body to the program; stdin is empty')
      .option('-i, --ignore-down', 'go on although the queue is down')
      .option('-k, --empty-ok', 'without a program, run the arguments of each item')
      .option('-l, --lock', 'lock each item (default)')
      .option('-L, --no-lock', 'do not')
      .option(...ttlFlag)
      .option(...maxTriesFlag)
      .option('-S, --success-code <n>', 'exit status for success', setting('success'))
      .option('-T, --fail-tmp-code <n>', 'exit status for another try', setting('failTmp'))
      .option('-F, --fail-perm-code <n>', 'exit status for failure', setting('failPerm'))
      .option('-r, --max-rate <n>', 'run at most n programs a second; 0 for any number', count)
      .option('-j, --jobs <n>', 'run n programs at a time (default: 1)', positive)
      .option(
        '--limit-by <arg:n[:rate]>',
        'at most n at a time, rate a second, for each value of that argument',
        keyLimit,
      )
      .option('--timeout <duration>', 'end programs that run so long: 90s, 10m', duration)
      .option('--grace <duration>', 'how long they have for that (default: 10s)', duration)
      .option(
        '--backoff <delays>',
        'wait before another try: 10s,1m,10m or from 1s..1h, 0 for not at all',
        backoff,
      )
      .option('--keep-output', 'keep what failed programs wrote, the last 64 KiB')
      .option('--ordered', 'one after the other, by their numbers; wait for one that has not come')
      .option(
        '--gap-timeout <duration>',
        'give up a number that did not come for so long',
        duration,
      ),
  )
}

/** The root that the flags mean. */
export function rootOf(call: Call<LoadFlags>): Root {
  const { flags } = call
  return call.root({
    ttl: flags.ttl,
    maxTries: flags.maxTries,
    success: flags.successCode,
    failTmp: flags.failTmpCode,
    failPerm: flags.failPermCode,
    lock: flags.lock,
    durability: flags.durability,
  })
}

/** The host queues that the flags mean, if any. */
export function hostsOf({ allHosts, host }: LoadFlags): HostChoice {
  if (allHosts === true && host !== undefined) throw new UsageError('-a and -A exclude each other')
  if (allHosts === true) return { hosts: 'all' }
  return host === undefined ? {} : { hosts: host }
}

/** The options that the flags mean. */
export function loadOf(flags: LoadFlags): LoadOptions & {
  readonly backoff?: Backoff
} {
  const { maxRate, jobs, limitBy, timeout, grace, backoff, gapTimeout } = flags
  const ordered = flags.ordered === true
  if (gapTimeout !== undefined && !ordered)
    throw new UsageError('--gap-timeout says nothing without --ordered')
  if (ordered && limitBy !== undefined)
    throw new UsageError('--ordered and --limit-by exclude each other')
  return {
    ordered,
    ...(gapTimeout === undefined ? {} : { gapTimeout }),
    ...hostsOf(flags),
    noOpen: flags.open === false,
    ignoreDown: flags.ignoreDown === true,
    ...(maxRate === undefined ? {} : { maxRate }),
    ...(jobs === undefined ? {} : { concurrency: jobs }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(grace === undefined ? {} : { grace }),
    ...(backoff === undefined ? {} : { backoff }),
    ...(limitBy === undefined
      ? {}
      : {
          limitKey: (item) => item.arguments[limitBy.argument - 1],
          limitConcurrency: limitBy.concurrency,
          limitRate: limitBy.rate,
        }),
  }
}
