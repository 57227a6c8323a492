import { type Node, parseNode } from '../adapters/ftpcluster/node.js'
import type { Root } from '../root/root.js'
import { type CliCommand, defineCommand } from './command.js'
import { UsageError } from './usage-error.js'

/** The command that does something with each of the nodes that are named. */
export function nodesCommand(
  act: (root: Root, home: string, node: Node) => Promise<void>,
): CliCommand {
  return defineCommand({
    operands: 'home host:port...',
    atLeast: 2,
    flagsAnywhere: true,
    async run({ operands: [home = '', ...names], root }) {
      const nodes = names.map((name) => {
        const node = parseNode(name)
        if (node === undefined) throw new UsageError(`${name} is no host:port`)
        return node
      })
      for (const node of nodes) await act(root(), home, node)
      return 0
    },
  })
}
