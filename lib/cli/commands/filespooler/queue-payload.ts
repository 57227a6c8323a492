import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'
import { type JobFlags, jobFlags } from './job-flags.js'

export default defineFsplCommand<JobFlags>({
  operands: '',
  flags: jobFlags,
  async run({ flags }) {
    const queue = openFilespooler(flags.queuedir)
    using job = await queue.open(await queue.find(flags.job, flags), flags)
    for await (const piece of job.payload.bytes()) await print(piece)
    return 0
  },
})
