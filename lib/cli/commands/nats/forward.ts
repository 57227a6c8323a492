import { defineCommand } from '../../command.js'
import { type ForwardFlags, forwardFlags, forwardQueues } from '../../forward-queues.js'
import { natsFlags } from '../../nats-flags.js'
import { interval } from '../../values.js'

interface Flags extends ForwardFlags {
  readonly sweep?: number
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      forwardFlags(command).option(
        '--sweep <duration>',
        'look at the queues so often (default: 30s)',
        interval,
      ),
    ),
  async run(call) {
    const { sweep } = call.flags
    return (await forwardQueues(call, { follow: true, sweep })).status
  },
})
