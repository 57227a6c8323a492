import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { harmless, jsonLine, print } from '../../output.js'
import {
  decoderFlag,
  type DecoderFlags,
  defineFsplCommand,
  queueFlag,
  type QueueFlags,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'

interface Flags extends QueueFlags, DecoderFlags, WaitFlags {
  readonly json?: true
  readonly reject?: true
}

export default defineFsplCommand<Flags>({
  operands: '',
  flags: (command) =>
    waitFlag(
      decoderFlag(queueFlag(command))
        .option('--json', 'print an object for each file')
        .option('--reject', 'move what is found to rejected/ in the queue'),
      '0',
    ),
  async run({ flags }) {
    const { queuedir, json, reject, wait } = flags
    const queue = openFilespooler(queuedir)
    const { rejected } = await queue.list(flags)
    for (const { name, kind, reason } of rejected) {
      if (json === true) await print(jsonLine({ name, kind, reason }))
      else await print(`${harmless(`${name}: ${kind}: ${reason}`)}\n`)
    }
    if (reject === true && rejected.length > 0) await queue.reject(rejected, { wait })
    return rejected.length === 0 || reject === true ? 0 : 1
  },
})
