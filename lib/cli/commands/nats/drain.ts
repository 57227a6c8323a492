import { defineCommand } from '../../command.js'
import { type ForwardFlags, forwardFlags, forwardQueues } from '../../forward-queues.js'
import { natsFlags } from '../../nats-flags.js'

export default defineCommand<ForwardFlags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) => natsFlags(forwardFlags(command)),
  async run(call) {
    const { status, isWhole } = await forwardQueues(call, { follow: false })
    if (status !== 0) return status
    return isWhole ? 0 : call.root().settings.failTmp
  },
})
