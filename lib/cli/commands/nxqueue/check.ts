import {
  formatProblem,
  InventoryError,
  inventorySchema,
  readInventory,
} from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { inventoryLines } from '../../inventory-text.js'
import { complain, harmless, jsonLine, print, printLines } from '../../output.js'
import { UsageError } from '../../usage-error.js'

interface Flags {
  readonly json?: true
  readonly schema?: true
}

export default defineCommand<Flags>({
  operands: '[path]',
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('--json', 'print all of it as one JSON object, with its defaults')
      .option('--schema', 'print the JSON schema of inventories'),
  async run({ operands: [path], flags }) {
    if (flags.schema === true) {
      if (path !== undefined || flags.json === true)
        throw new UsageError('--schema stands alone: it is the same for all inventories')
      await print(`${JSON.stringify(inventorySchema, undefined, 2)}\n`)
      return 0
    }
    if (path === undefined) throw new UsageError('too few arguments')
    try {
      const inventory = await readInventory(path)
      if (flags.json === true) await print(jsonLine(inventory))
      else await printLines(inventoryLines(inventory))
      return 0
    } catch (error) {
      if (!(error instanceof InventoryError)) throw error
      // As compilers write it, without our name before it, so that editors lead there.
      complain(error.problems.map((each) => `${harmless(formatProblem(each))}\n`).join(''))
      return error.exitStatus
    }
  },
})
