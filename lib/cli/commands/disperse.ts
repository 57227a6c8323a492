import { listEntries } from '../../queue/list-entries.js'
import { queueAt } from '../../root/queue-at.js'
import { disperseItems } from '../../upkeep/disperse-items.js'
import { catchSignals } from '../../work/signals.js'
import { pullAfterwards } from '../afterwards.js'
import { defineCommand } from '../command.js'
import { durabilityFlag, type DurabilityFlags } from '../durability-flag.js'
import { errorJson, jsonLine, print } from '../output.js'
import { UsageError } from '../usage-error.js'
import { count } from '../values.js'

interface Flags extends DurabilityFlags {
  readonly limit?: number
  readonly maxDepth?: number
  readonly ignoreDown?: true
  readonly trigger?: true
  readonly json?: true
  readonly verbose?: true
}

export default defineCommand<Flags>({
  operands: 'from-queue to-queue...',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) =>
    durabilityFlag(
      command
        .option('-n, --limit <n>', 'move at most n items; 0 for any number', count)
        .option('--max-depth <n>', 'not to a queue in which n items wait; 0 for any number', count)
        .option('-i, --ignore-down', 'also from a queue, and to queues, that are down')
        .option('-t, --trigger', 'pull the trigger of the queues that items went to')
        .option('--json', 'a JSON object a line, for each item'),
    ),
  async run(call) {
    const { operands, flags, say, chirp } = call
    const [name = '', ...names] = operands
    const twice = operands.find((each, at) => operands.indexOf(each) !== at)
    if (twice !== undefined) throw new UsageError(`the queue ${twice} is given twice`)
    const root = call.root({ durability: flags.durability })
    const source = queueAt(root, name)
    const targets = names.map((each) => queueAt(root, each))
    const counts = new Map<string, number>()
    using signals = catchSignals()
    let status = 0
    try {
      await disperse()
    } catch (error) {
      if (error !== signals.signal.reason || signals.caught === undefined) throw error
      signals.die()
      return 111
    }
    if (flags.verbose !== true) return status
    for (const target of targets)
      if (flags.ignoreDown !== true && (await target.isDown())) chirp(`${target.name} is down`)
    const left = listEntries(source.context, source.context.paths.queue).length
    if (left > 0) chirp(`${source.name}: ${left} left`)
    return status

    async function disperse(): Promise<void> {
      const { limit, maxDepth, ignoreDown } = flags
      const options = { limit, maxDepth, ignoreDown, signal: signals.signal }
      const moving = disperseItems(source, targets, options)
      let isWhole = false
      try {
        for await (const { error, ...moved } of moving) {
          const { id, to } = moved
          if (error === undefined) counts.set(to, (counts.get(to) ?? 0) + 1)
          else status ||= error.exitStatus
          if (flags.json === true)
            await print(jsonLine({ ...moved, ...(error && { error: errorJson(error) }) }))
          else if (error !== undefined) say(error.message)
          else chirp(`moved ${id} to ${to}`)
        }
        isWhole = true
      } finally {
        // Several are moved at a time: where this ended early, any queue may have some that were not told of.
        const mayHaveMore = !isWhole && counts.size > 0
        for (const target of targets) {
          const moved = counts.get(target.name)
          if (moved !== undefined) chirp(`${target.name}: ${moved} moved`)
          if (flags.trigger === true && (moved !== undefined || mayHaveMore))
            await pullAfterwards('moved', target, call)
        }
      }
    }
  },
})
