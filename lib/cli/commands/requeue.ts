import { queueAt } from '../../root/queue-at.js'
import { requeueItems } from '../../upkeep/requeue-items.js'
import { choiceFlags, type ChoiceFlags, choiceOf, movingFlags } from '../choice-flags.js'
import { defineCommand } from '../command.js'
import { printMoved } from '../print-moved.js'
import { duration } from '../values.js'

interface Flags extends ChoiceFlags {
  readonly done?: true
  readonly fresh?: true
}

export default defineCommand<Flags>({
  operands: 'queue [item...]',
  atLeast: 1,
  flagsAnywhere: true,
  itemStates: ({ done }) => [done === true ? 'done' : 'fail'],
  flags: (command) =>
    movingFlags(
      choiceFlags(command)
        .option('--older <duration>', 'items that failed so long ago: 90s, 10m, 7d', duration)
        .option('--done', 'items of done/ in place of fail/')
        .option('--fresh', 'as if they were enqueued now; without, they keep their age'),
    ),
  async run(call) {
    const { operands, flags } = call
    const [name = '', ...ids] = operands
    const queue = queueAt(call.root({ durability: flags.durability }), name)
    const from = flags.done === true ? 'done' : 'fail'
    const { fresh, dryRun } = flags
    const requeued = requeueItems(queue, { ...choiceOf(ids, flags), from, fresh, dryRun })
    return printMoved(call, requeued, queue.context.paths[from], queue, 'requeued')
  },
})
