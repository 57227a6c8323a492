import { publishInventory, readInventory } from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'

export default defineCommand<ClusterFlags>({
  operands: 'path',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: clusterFlags,
  async run(call) {
    const inventory = await readInventory(call.operands[0] ?? '')
    await withCluster(call, (cluster) => publishInventory(cluster, inventory))
    return 0
  },
})
