import { natsStatus } from '../../../adapters/jetstream/index.js'
import { defineCommand } from '../../command.js'
import { natsFlags, type NatsFlags, withNats } from '../../nats-flags.js'
import { natsLines } from '../../nats-text.js'
import { jsonLine, print, printLines } from '../../output.js'
import { withTimes } from '../../times.js'

interface Flags extends NatsFlags {
  readonly json?: true
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      command.option('--json', 'one JSON object').option('--utc', 'with --json: times in UTC'),
    ),
  async run({ operands, flags }) {
    const status = await withNats(flags, (jetstream) => natsStatus(jetstream, operands))
    if (flags.json === true) {
      const queues = status.queues.map((queue) => withTimes(queue, flags))
      await print(jsonLine({ ...status, queues }))
    } else await printLines(natsLines(status))
    return 0
  },
})
