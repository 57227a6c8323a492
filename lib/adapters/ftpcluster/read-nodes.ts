import { FsqError, reasonOf } from '../../errors.js'
import { readPrivateFile } from '../../posix/private-file.js'
import { type ConfiguredNode, parseClusterConf } from './cluster-conf.js'
import type { Cluster } from './cluster.js'

/**
 * The nodes in `.cluster.conf`.
 *
 * @throws `FsqError` `FSQ_CLUSTER`
 */
export function readNodes({ paths: { conf } }: Cluster): readonly ConfiguredNode[] {
  let text: string
  try {
    text = readPrivateFile(conf)
  } catch (cause) {
    throw new FsqError('FSQ_CLUSTER', `cannot read ${conf}: ${reasonOf(cause)}`, {
      path: conf,
      cause,
    })
  }
  const { nodes, unknown } = parseClusterConf(text)
  if (unknown.length > 0)
    throw new FsqError(
      'FSQ_CLUSTER',
      `${conf}: line ${unknown.join(', ')}: expected "server host:port user:password"`,
      { path: conf },
    )
  if (nodes.length === 0)
    throw new FsqError(
      'FSQ_CLUSTER',
      `${conf} names no node: a line "server host:port user:password" does`,
      {
        path: conf,
      },
    )
  return nodes
}
