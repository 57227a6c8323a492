import { defineCommand } from '../command.js'
import { completions } from '../completions.js'
import { print } from '../output.js'
import { UsageError } from '../usage-error.js'

export default defineCommand({
  operands: Object.keys(completions).join('|'),
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  async run({ operands }) {
    const [shell = ''] = operands
    if (!Object.hasOwn(completions, shell))
      throw new UsageError(`Expected one of ${Object.keys(completions).join(', ')}, got "${shell}"`)
    await print(completions[shell as keyof typeof completions])
    return 0
  },
})
