import { type Node, parseNode } from './node.js'

/** A node, and how to log in to its FTP server. */
export interface ConfiguredNode extends Node {
  /** The user. */
  readonly user: string
  /** The password. It is for no message and no log. */
  readonly password: string
}

/** What `.cluster.conf` says. */
export interface ClusterConf {
  /** The nodes, in the order of the file. */
  readonly nodes: readonly ConfiguredNode[]
  /** Lines that say nothing that we know, by their numbers: there may be passwords in them. */
  readonly unknown: readonly number[]
}

/**
 * Reads `.cluster.conf`, which has a line `server host:port user:password` for each node. Empty lines and
 * those that begin with # are left out.
 */
export function parseClusterConf(text: string): ClusterConf {
  const nodes: ConfiguredNode[] = []
  const unknown: number[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const words = line.trim().split(/[ \t]+/)
    if (words[0] === '' || words[0]?.startsWith('#') === true) continue
    const node = parseServer(words)
    if (node === undefined) unknown.push(at + 1)
    else nodes.push(node)
  }
  return { nodes, unknown }
}

function parseServer([keyword, where = '', login = '', ...more]: readonly string[]):
  ConfiguredNode | undefined {
  const node = parseNode(where)
  const colon = login.indexOf(':')
  if (keyword !== 'server' || node === undefined || colon < 1 || more.length > 0) return undefined
  return { ...node, user: login.slice(0, colon), password: login.slice(colon + 1) }
}

/**
 * The text of a `.cluster.conf`.
 *
 * @throws `TypeError` for a user or a password that a line cannot have.
 */
export function formatClusterConf(nodes: readonly ConfiguredNode[]): string {
  return nodes
    .map(({ host, port, user, password }) => {
      if (/\s/.test(user + password) || user === '' || user.includes(':'))
        throw new TypeError(`Expected a user without a colon, and no blanks, for ${host}:${port}`)
      return `server ${host}:${port} ${user}:${password}\n`
    })
    .join('')
}
