import type { Command } from 'commander'
import { FsqError } from '../../errors.js'
import { queueAt } from '../../root/queue-at.js'
import { type DistributeEvent, spreads, type Spread } from '../../work/distribute.js'
import { catchSignals } from '../../work/signals.js'
import { afterwards } from '../afterwards.js'
import { type Call, defineCommand } from '../command.js'
import { durabilityFlag, type DurabilityFlags } from '../durability-flag.js'
import { reportJob } from '../job-report.js'
import { maxTriesFlag, ttlFlag } from '../limit-flags.js'
import { count, oneOf, setting } from '../values.js'

interface Flags extends DurabilityFlags {
  readonly link?: true
  readonly trigger?: true
  readonly open?: boolean
  readonly ignoreDown?: true
  readonly lock?: boolean
  readonly done?: boolean
  readonly ttl?: number
  readonly maxTries?: number
  readonly failTmpCode?: number
  readonly spread?: Spread
  readonly limit?: number
}

export default defineCommand<Flags>({
  operands: 'queue [host...]',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) => exitStatusFlags(distributionFlags(command)),
  async run(call) {
    const { operands, flags, say } = call
    const [name = '', ...hosts] = operands
    const { durability, lock, maxTries, ttl, link, ignoreDown, spread, limit } = flags
    const root = call.root({ durability, lock, maxTries, ttl })
    const { failTmpCode: later = root.settings.failTmp } = flags
    const queue = queueAt(root, name)
    using signals = catchSignals()
    let failures = 0
    let given = false
    try {
      const postponed = await distribute()
      return postponed > 0 || failures > 0 ? later : 0
    } catch (error) {
      if (error === signals.signal.reason) signals.die()
      if (!(error instanceof FsqError) || error.code !== 'FSQ_DOWN') throw error
      say(error.message)
      return later
    }

    /** How many items wait for hosts that are down. */
    async function distribute(): Promise<number> {
      try {
        const { postponed } = await queue.distribute({
          ...(hosts.length > 0 && { hosts }),
          ...(limit !== undefined && { limit }),
          spread,
          link,
          ignoreDown: ignoreDown === true,
          noOpen: flags.open === false && link === true,
          noDone: flags.done === false,
          signal: signals.signal,
          onEvent: (event) => {
            if (event.type === 'error') failures++
            if ('hosts' in event && event.hosts.length > 0) given = true
            report(event, call)
          },
        })
        return postponed
      } finally {
        // Also where the rest of them could not be distributed.
        if (flags.trigger === true && given)
          await afterwards('distributed', { say }, () =>
            queue.hostTriggerPull({ ignoreListener: true }),
          )
      }
    }
  },
})

function distributionFlags(command: Command): Command {
  return durabilityFlag(
    command
      .option('-I, --link', 'link items instead of copying them')
      .option('-g, --trigger', 'pull the trigger of the host queues once items are there')
      .option('-n, --no-open', 'do not open items that are only linked')
      .option('-i, --ignore-down', 'also from a queue, and into host queues, that are down')
      .option('-l, --lock', 'lock each item (default)')
      .option('-L, --no-lock', 'do not')
      .option('-D, --no-done', 'leave items in the queue as well')
      .option(...ttlFlag)
      .option(...maxTriesFlag)
      .option(
        '--spread <how>',
        `which hosts get an item: ${spreads.join(', ')} (default: all)`,
        oneOf(spreads),
      )
      .option('--limit <n>', 'distribute at most n items; 0 for any number', count),
  )
}

/** The original takes them all; no program is run here, so no exit status is looked at. */
function exitStatusFlags(command: Command): Command {
  return command
    .option('-S, --success-code <n>', 'accepted, of no effect', setting('success'))
    .option('-T, --fail-tmp-code <n>', 'exit with n where items wait', setting('failTmp'))
    .option('-F, --fail-perm-code <n>', 'accepted, of no effect', setting('failPerm'))
}

function report(event: DistributeEvent, call: Call<Flags>): void {
  switch (event.type) {
    case 'distributed':
      call.chirp(`${event.id}: ${event.hosts.join(', ')}`)
      break
    case 'postponed':
      if (event.hosts.length > 0) call.chirp(`${event.id}: ${event.hosts.join(', ')}`)
      call.say(
        `${event.id}: waits for ${event.down.join(', ')}, which ${event.down.length === 1 ? 'is' : 'are'} down`,
      )
      break
    default:
      reportJob(event, call)
  }
}
