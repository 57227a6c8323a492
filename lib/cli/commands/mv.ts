import { queueAt } from '../../root/queue-at.js'
import { moveItems } from '../../upkeep/move-items.js'
import { choiceFlags, type ChoiceFlags, choiceOf, movingFlags } from '../choice-flags.js'
import { defineCommand } from '../command.js'
import { printMoved } from '../print-moved.js'
import { UsageError } from '../usage-error.js'

export default defineCommand<ChoiceFlags>({
  operands: 'from-queue to-queue [item...]',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) => movingFlags(choiceFlags(command)),
  async run(call) {
    const { operands, flags } = call
    const [name = '', target = '', ...ids] = operands
    if (name === target) throw new UsageError(`both queues are ${name}`)
    const root = call.root({ durability: flags.durability })
    const [from, to] = [queueAt(root, name), queueAt(root, target)]
    const moving = moveItems(from, to, { ...choiceOf(ids, flags), dryRun: flags.dryRun })
    return printMoved(call, moving, from.context.paths.queue, to, 'moved')
  },
})
