import { addFile, addItems } from '../../../adapters/ftpcluster/add-jobs.js'
import { choosesJobs, typesOf } from '../../../adapters/ftpcluster/choose-jobs.js'
import { type Cluster, openCluster } from '../../../adapters/ftpcluster/cluster.js'
import { jobsInFiles } from '../../../adapters/ftpcluster/queue-files.js'
import { queuedJobs } from '../../../adapters/ftpcluster/queued-jobs.js'
import { takeFromFiles, takeItems, type TakenJob } from '../../../adapters/ftpcluster/take-jobs.js'
import { type Call, defineCommand } from '../../command.js'
import { bytesWriter } from '../../output.js'
import { UsageError } from '../../usage-error.js'
import { type ClusterFlags, clusterFlags } from './cluster-flags.js'
import { type LockFlags, lockFlags } from './lock-flags.js'

interface Flags extends ClusterFlags, LockFlags {
  readonly delete?: true
  readonly enqueue?: true
  readonly files?: true
  readonly home?: string
  readonly names?: true
}

export default defineCommand<Flags>({
  operands: '[type]',
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    lockFlags(
      clusterFlags(
        command
          .option('-n, --names', 'the queue file, or the item, and a tab before each job')
          .option('-d, --delete', 'remove the jobs once they are printed')
          .option('-e, --enqueue', 'add the jobs on stdin, a line each')
          .option('--files', 'the files in .queue, not the work-items')
          .option('--home <dir>', 'the home of the cluster (default: here)'),
      ),
    ),
  async run(call) {
    const { operands, flags } = call
    const [type] = operands
    if (flags.enqueue === true) {
      if (type !== undefined || flags.delete === true || flags.names === true)
        throw new UsageError('-e takes jobs of any type from stdin, and nothing else')
      await add(call, openCluster(flags.home ?? '.', flags))
      return 0
    }
    if (type === undefined) throw new UsageError('too few arguments')
    const cluster = openCluster(flags.home ?? '.', flags)
    await (flags.delete === true ? take : show)(call, cluster, type)
    return 0
  },
})

async function add({ flags, root, say, chirp }: Call<Flags>, cluster: Cluster): Promise<void> {
  const onOpaque = (number: number): void => {
    say(`line ${number} is no job that we know`)
  }
  const added =
    flags.files === true
      ? await addFile(cluster, process.stdin, onOpaque)
      : await addItems(root(), cluster, process.stdin, onOpaque)
  chirp(`${added} jobs added`)
}

async function take(call: Call<Flags>, cluster: Cluster, type: string): Promise<void> {
  const { flags, root, say } = call
  const { onFile, onItem } = leftOut(call)
  const out = printer(flags)
  const handOver = async (jobs: readonly TakenJob[]): Promise<void> => {
    for (const job of jobs) await out.write(job)
    await out.flush()
  }
  if (flags.files === true)
    await takeFromFiles(cluster, type, handOver, onFile, {
      breakLock: flags.breakLock === true,
      onMessage: say,
    })
  else await takeItems(root(), cluster, type, handOver, onItem)
}

async function show(call: Call<Flags>, cluster: Cluster, type: string): Promise<void> {
  const { flags, root } = call
  const { onFile, onItem } = leftOut(call)
  const chosen = choosesJobs(type)
  const out = printer(flags)
  if (flags.files === true) {
    for await (const { file, job } of jobsInFiles(cluster, onFile))
      if (chosen(job)) await out.write({ name: file, job })
  } else {
    for await (const { id, job } of queuedJobs(root(), cluster, typesOf(type), onItem))
      if (chosen(job)) await out.write({ name: Buffer.from(id).toString('latin1'), job })
  }
  await out.flush()
}

function leftOut({ say }: Call<Flags>): {
  readonly onFile: (skipped: { file: string; reason: string }) => void
  readonly onItem: (skipped: { queue: string; id: string; reason: string }) => void
} {
  return {
    onFile: ({ file, reason }) => {
      say(`${file}: left out: ${reason}`)
    },
    onItem: ({ queue, id, reason }) => {
      say(`${queue}: ${id}: left out: ${reason}`)
    },
  }
}

function printer({ names }: Flags): {
  readonly write: (job: TakenJob) => Promise<void>
  readonly flush: () => Promise<void>
} {
  const { write, flush } = bytesWriter()
  return {
    async write({ name, job }) {
      const before = names === true ? Buffer.from(`${name}\t`, 'latin1') : Buffer.alloc(0)
      await write(Buffer.concat([before, job.line, Buffer.from('\n')]))
    },
    flush,
  }
}
