import { type Cluster, openCluster } from '../adapters/ftpcluster/cluster.js'
import { type Node, parseNode } from '../adapters/ftpcluster/node.js'
import type { Root } from '../root/root.js'
import { type CliCommand, defineCommand } from './command.js'
import { type ClusterFlags, clusterFlags } from './commands/ftpcluster/cluster-flags.js'
import { UsageError } from './usage-error.js'

/** The command that does something with each of the nodes that are named. */
export function nodesCommand(
  act: (root: Root, cluster: Cluster, node: Node) => Promise<void>,
): CliCommand<ClusterFlags> {
  return defineCommand<ClusterFlags>({
    operands: 'home host:port...',
    atLeast: 2,
    flagsAnywhere: true,
    flags: clusterFlags,
    async run({ operands: [home = '', ...names], flags, root }) {
      const nodes = names.map((name) => {
        const node = parseNode(name)
        if (node === undefined) throw new UsageError(`${name} is no host:port`)
        return node
      })
      const cluster = openCluster(home, flags)
      for (const node of nodes) await act(root(), cluster, node)
      return 0
    },
  })
}
