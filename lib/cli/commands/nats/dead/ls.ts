import { type DeadLetter, listDead } from '../../../../adapters/jetstream/index.js'
import { defineCommand } from '../../../command.js'
import { natsFlags, type NatsFlags, withNats } from '../../../nats-flags.js'
import { deadTable } from '../../../nats-text.js'
import { jsonLine, print, printLines } from '../../../output.js'
import { withTimes } from '../../../times.js'
import { positive } from '../../../values.js'

interface Flags extends NatsFlags {
  readonly json?: true
  readonly limit?: number
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      command
        .option('--json', 'a JSON object a line')
        .option('--limit <n>', 'n of a queue at most, the oldest', positive)
        .option('--utc', 'times in UTC'),
    ),
  async run({ operands, flags }) {
    const { json, limit } = flags
    const queues = operands.length === 0 ? [undefined] : operands
    await withNats(flags, async (jetstream) => {
      const letters: DeadLetter[] = []
      for (const queue of queues)
        for await (const letter of listDead(jetstream, { queue, limit }))
          if (json === true) await print(jsonLine(withTimes(letter, flags)))
          else letters.push(letter)
      await printLines(deadTable(letters, flags))
    })
    return 0
  },
})
