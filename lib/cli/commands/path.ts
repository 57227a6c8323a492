import { FsqError } from '../../errors.js'
import { queueAt } from '../../root/queue-at.js'
import { itemStates, type ItemState, locateItem } from '../../upkeep/list-items.js'
import { defineCommand } from '../command.js'
import { print } from '../output.js'
import { oneOf } from '../values.js'

export default defineCommand<{ readonly state?: ItemState }>({
  operands: '[queue [item]]',
  atMost: 2,
  skipsDashes: true,
  itemStates: ({ state }) => (state === undefined ? itemStates : [state]),
  flags: (command) =>
    command.option(
      '-s, --state <state>',
      `a directory of the queue: ${itemStates.join(', ')}`,
      oneOf(itemStates),
    ),
  async run({ operands, flags: { state }, root }) {
    const [name, id] = operands
    if (name === undefined) {
      await print(`${root().settings.root}\n`)
      return 0
    }
    const queue = queueAt(root(), name)
    await queue.isDown() // Looks whether there is such a queue.
    if (id === undefined) {
      await print(`${state === undefined ? queue.path : queue.context.paths[state]}\n`)
      return 0
    }
    const path = locateItem(queue, id, state === undefined ? itemStates : [state])
    if (path === undefined) throw new FsqError('FSQ_NO_ITEM', `no such item in ${name}: ${id}`)
    await print(Buffer.concat([Buffer.from(path), Buffer.from('\n')]))
    return 0
  },
})
