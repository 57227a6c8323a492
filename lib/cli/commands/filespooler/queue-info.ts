import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { defineFsplCommand } from './fspl-command.js'
import { type JobFlags, jobFlags } from './job-flags.js'
import { printInfo } from './print-info.js'

export default defineFsplCommand<JobFlags>({
  operands: '',
  flags: jobFlags,
  async run({ flags }) {
    const { queuedir, job: sequence } = flags
    const { job, entry } = await openFilespooler(queuedir).find(sequence, flags)
    await printInfo(job, { directory: queuedir, entry })
    return 0
  },
})
