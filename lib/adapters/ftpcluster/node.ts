/** A node server: where the copies of files are. */
export interface Node {
  /** Its name or address. */
  readonly host: string
  /** The port that its FTP server listens on. */
  readonly port: number
}

/** The node that a word `host:port` names; undefined for what is none. */
export function parseNode(word: string): Node | undefined {
  const [, host = '', digits = ''] = /^([^\s:,/@]+):([0-9]{1,5})$/.exec(word) ?? []
  const port = Number(digits)
  return host === '' || port < 1 || port > 65_535 ? undefined : { host, port }
}

/** `host:port` */
export function formatNode({ host, port }: Node): string {
  return `${host}:${port}`
}

/** Whether a node is one of these. */
export function isIn(nodes: readonly Node[], node: Node): boolean {
  return nodes.some(({ host, port }) => host === node.host && port === node.port)
}

/** The nodes, each once. */
export function withoutTwins(nodes: readonly Node[]): Node[] {
  return nodes.filter((node, at) => !isIn(nodes.slice(0, at), node))
}
