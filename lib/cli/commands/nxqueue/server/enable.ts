import { enableServer } from '../../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../../command.js'
import { eachNamed } from '../../../each-named.js'
import { type ClusterFlags, clusterFlags } from '../../../nxqueue-flags.js'

export default defineCommand<ClusterFlags>({
  operands: 'name...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: clusterFlags,
  run: (call) =>
    eachNamed(call, async (cluster, name) => {
      await enableServer(cluster, name)
      return 'enabled'
    }),
})
