import { releaseJob } from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { eachNamed } from '../../each-named.js'
import { type ClusterFlags, clusterFlags } from '../../nxqueue-flags.js'

export default defineCommand<ClusterFlags>({
  operands: 'job...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: clusterFlags,
  run: (call) =>
    eachNamed(call, async (cluster, job) => {
      await releaseJob(cluster, job)
      return 'released'
    }),
})
