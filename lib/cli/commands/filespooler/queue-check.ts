import type { RejectedFile } from '../../../adapters/filespooler/jobs-directory.js'
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
    const { queuedir, json, reject } = flags
    const queue = openFilespooler(queuedir)
    const tell = async ({ name, kind, reason }: RejectedFile, moved?: true): Promise<void> => {
      if (json === true) await print(jsonLine({ name, kind, reason, moved }))
      else await print(`${harmless(`${name}: ${kind}: ${reason}`)}${moved ? ' (moved)' : ''}\n`)
    }
    if (reject === true) for (const file of await queue.reject(flags)) await tell(file, true)
    const { rejected } = await queue.list(flags)
    for (const file of rejected) await tell(file)
    return rejected.length === 0 ? 0 : 1
  },
})
