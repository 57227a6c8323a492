import type { FileVersion } from './job.js'
import type { Node } from './node.js'

/** A node that a copy may be put on, and what it has. */
export interface NodeUse {
  /** The node. */
  readonly node: Node
  /** How many bytes of the cluster it has. */
  readonly used: number
  /** How many copies it has. */
  readonly files: number
}

/** A file of which copies are to be put on nodes. */
export interface FileToPlace extends FileVersion {
  /** Its path in the FTP space. */
  readonly name: string
  /** Whose it is. */
  readonly uid: string
}

/**
 * Chooses the nodes for a file.
 *
 * @param nodes - those that may have it: up, not full, without a copy of it, and allowed by the job; in
 * the order of `.cluster.conf`
 * @param copies - how many are wanted
 * @returns some of them, `copies` at most; fewer, or none: it is tried again later
 */
export type Placement = (
  file: FileToPlace,
  nodes: readonly NodeUse[],
  copies: number,
) => readonly NodeUse[]

/** Those with the fewest bytes: in the long run all have the same. */
export const balanceUsedSpace: Placement = (_file, nodes, copies) =>
  nodes.toSorted((one, other) => one.used - other.used).slice(0, copies)

/** One after the other, whatever they have. */
export function roundRobin(): Placement {
  let turn = 0
  return (_file, nodes, copies) => {
    const chosen = Array.from({ length: Math.min(copies, nodes.length) }, (_, i) => {
      return nodes[(turn + i) % nodes.length]
    })
    turn += chosen.length
    return chosen.filter((node) => node !== undefined)
  }
}
