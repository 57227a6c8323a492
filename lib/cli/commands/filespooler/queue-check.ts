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
    const found = (await queue.list(flags)).rejected
    const moved = reject === true ? await queue.reject(flags) : []
    const isMoved = new Set(moved.map(({ entry }) => entry))
    for (const { entry, name, kind, reason } of found) {
      const to = isMoved.has(entry) ? { moved: true } : {}
      if (json === true) await print(jsonLine({ name, kind, reason, ...to }))
      else await print(`${harmless(`${name}: ${kind}: ${reason}`)}${to.moved ? ' (moved)' : ''}\n`)
    }
    return found.length === isMoved.size ? 0 : 1
  },
})
