import { choosesJobs, typesOf } from '../../../adapters/ftpcluster/choose-jobs.js'
import { openCluster } from '../../../adapters/ftpcluster/cluster.js'
import { jobsInFiles } from '../../../adapters/ftpcluster/queue-files.js'
import type { Job } from '../../../adapters/ftpcluster/job.js'
import { queuedJobs } from '../../../adapters/ftpcluster/queued-jobs.js'
import { type Call, defineCommand } from '../../command.js'
import { bytesWriter } from '../../output.js'
import { UsageError } from '../../usage-error.js'
import { type ClusterFlags, clusterFlags } from './cluster-flags.js'

interface Flags extends ClusterFlags {
  readonly files?: true
  readonly home?: string
  readonly names?: true
}

export default defineCommand<Flags>({
  operands: 'type',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(
      command
        .option('-n, --names', 'the queue file, or the item, and a tab before each job')
        .option('--files', 'the files in .queue, not the work-items')
        .option('--home <dir>', 'the home of the cluster (default: here)'),
    ),
  async run(call) {
    const { operands, flags } = call
    const [type = '', ...others] = operands
    if (others.length > 0) throw new UsageError('too many arguments')
    const out = bytesWriter()
    for await (const { name, job } of jobsOf(call, type)) {
      if (flags.names === true) await out.write(Buffer.from(`${name}\t`, 'latin1'))
      await out.write(job.line)
      await out.write(Buffer.from('\n'))
    }
    await out.flush()
    return 0
  },
})

/** The jobs of that type, each with the name of what it is in: a byte string. */
async function* jobsOf(
  { flags, say, root }: Call<Flags>,
  type: string,
): AsyncGenerator<{ readonly name: string; readonly job: Job }> {
  const cluster = openCluster(flags.home ?? '.', flags)
  const chosen = choosesJobs(type)
  if (flags.files === true) {
    const jobs = jobsInFiles(cluster, ({ file, reason }) => {
      say(`${file}: left out: ${reason}`)
    })
    for await (const { file, job } of jobs) if (chosen(job)) yield { name: file, job }
    return
  }
  const jobs = queuedJobs(root(), cluster, typesOf(type), ({ queue, id, reason }) => {
    say(`${queue}: ${id}: left out: ${reason}`)
  })
  for await (const { id, job } of jobs)
    if (chosen(job)) yield { name: Buffer.from(id).toString('latin1'), job }
}
