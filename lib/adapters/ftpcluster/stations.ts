import { statEntry } from '../../posix/names.js'
import type { Queue } from '../../root/queue.js'
import { type Backoff, backoffSeconds } from '../../work/backoff.js'
import type { ConfiguredNode } from './cluster-conf.js'
import type { Use } from './named-copies.js'
import { NodeClient, type NodeClientOptions } from './node-client.js'
import type { NodeError } from './node-error.js'
import { formatNode, type Node } from './node.js'
import type { FileVersion } from './job.js'
import type { FileToPlace, NodeUse, Placement } from './placement.js'

/** What the nodes are used with. */
export interface StationsOptions extends NodeClientOptions {
  readonly placement: Placement
  /** Whether a node that went away, or is full, is tried again after a pause, and not in the next pass. */
  readonly follow?: boolean
  /** Is told when a node is left alone. */
  readonly onTrouble: (type: 'away' | 'full', error: NodeError) => void
}

/** How long a node that went away is left alone, in seconds. */
const pauses: Backoff = { base: 1, max: 60 }

/** How long a node that is full gets no further files, in milliseconds. */
const digestion = 60_000

/** A node, and what is known of it. */
interface Station {
  readonly node: ConfiguredNode
  readonly client: NodeClient
  /** The sizes of the files that it is about to have. */
  readonly expected: Map<string, number>
  /** Their sum. */
  expectedBytes: number
  /** Until when it is left alone, in milliseconds of performance.now(); in a single pass without an end. */
  awayUntil: number
  /** Until when it gets no further files. */
  fullUntil: number
  /** How often in a row it went away. */
  failures: number
}

/** A version of a file of the FTP space. */
export interface ExpectedFile extends FileVersion {
  /** Its path there. */
  readonly name: string
}

function keyOf({ name, size, mtime }: ExpectedFile): string {
  return `${size} ${mtime} ${name}`
}

/** The nodes of a cluster: how they are reached, what they have, and which of them are of use now. */
export class Stations {
  readonly #options: StationsOptions
  readonly #stations: ReadonlyMap<string, Station>
  readonly #useOf: (node: Node) => Use

  /** @param useOf - what a node has by the link files */
  constructor(
    nodes: readonly ConfiguredNode[],
    options: StationsOptions,
    useOf: (node: Node) => Use,
  ) {
    this.#options = options
    this.#useOf = useOf
    const { tls, ca, timeout, connections } = options
    const stations = nodes.map((node): [string, Station] => {
      const client = new NodeClient(node, { tls, ca, timeout, connections })
      const expected = new Map<string, number>()
      const state = { expectedBytes: 0, awayUntil: 0, fullUntil: 0, failures: 0 }
      return [formatNode(node), { node, client, expected, ...state }]
    })
    this.#stations = new Map(stations)
  }

  /** The nodes, in the order of `.cluster.conf`. */
  get nodes(): Node[] {
    return [...this.#stations.values()].map(({ node }) => node)
  }

  /** The connections to a node; undefined for one that is not in `.cluster.conf`. */
  client(node: Node): NodeClient | undefined {
    return this.#get(node)?.client
  }

  /** Begins a pass: all that was is forgotten. Who follows waits for the end of the pauses. */
  beginPass(): void {
    if (this.#options.follow === true) return
    for (const station of this.#stations.values()) {
      station.awayUntil = 0
      station.fullUntil = 0
    }
  }

  /** Whether a node is left alone for now. */
  isAway(node: Node): boolean {
    return (this.#get(node)?.awayUntil ?? 0) > performance.now()
  }

  /** In how many seconds the next node is left alone no more; none is: undefined. */
  untilNextReturn(): number | undefined {
    const now = performance.now()
    const times = [...this.#stations.values()].map(({ awayUntil }) => awayUntil)
    const next = Math.min(...times.filter((time) => time > now))
    return Number.isFinite(next) ? (next - now) / 1000 : undefined
  }

  /** Whether a node gets no further files for now. */
  isFull(node: Node): boolean {
    return (this.#get(node)?.fullUntil ?? 0) > performance.now()
  }

  /** Leaves a node alone that went away, or puts no further file on one that is full. */
  hear(error: NodeError): void {
    const { follow = false, onTrouble } = this.#options
    const station = this.#get(error.node)
    if (station === undefined) return
    if (error.ofNode && !this.isAway(error.node)) {
      station.failures++
      const pause = backoffSeconds(pauses, station.failures) * 1000
      station.awayUntil = follow ? performance.now() + pause : Infinity
      onTrouble('away', error)
    }
    if (error.kind === 'full' && !this.isFull(error.node)) {
      station.fullUntil = follow ? performance.now() + digestion : Infinity
      onTrouble('full', error)
    }
  }

  /** A node did as it was asked. */
  succeeded(node: Node): void {
    const station = this.#get(node)
    if (station !== undefined) station.failures = 0
  }

  /** A node is about to have a copy of a file. */
  expect(node: Node, file: ExpectedFile): void {
    this.expectNoMore(node, file)
    const station = this.#get(node)
    if (station === undefined) return
    station.expected.set(keyOf(file), file.size)
    station.expectedBytes += file.size
  }

  /** Its link file names the copy by now, or there will be none. Harmless twice. */
  expectNoMore(node: Node, file: ExpectedFile): void {
    const station = this.#get(node)
    if (station?.expected.delete(keyOf(file)) === true) station.expectedBytes -= file.size
  }

  /**
   * Chooses nodes for a file.
   *
   * @param hostQueue - that of a node; one that is down is not chosen
   * @param allowed - empty: all nodes
   * @param without - nodes that have a copy, or are to get one
   * @returns as many as were asked for; fewer only where there are no more
   */
  choose(
    file: FileToPlace,
    copies: number,
    hostQueue: (node: Node) => Queue,
    allowed: readonly Node[],
    without: readonly Node[],
  ): Node[] {
    const excluded = new Set(without.map(formatNode))
    const included = new Set(allowed.map(formatNode))
    const candidates = [...this.#stations.values()].filter(({ node }) => {
      const name = formatNode(node)
      if (excluded.has(name) || (included.size > 0 && !included.has(name))) return false
      if (this.isFull(node) || this.isAway(node)) return false
      return statEntry(hostQueue(node).context.paths.down) === undefined
    })
    const uses = candidates.map(({ node: { host, port }, expected, expectedBytes }): NodeUse => {
      const { used, files } = this.#useOf({ host, port })
      return { node: { host, port }, used: used + expectedBytes, files: files + expected.size }
    })
    const chosen = new Set(this.#options.placement(file, uses, copies).slice(0, copies))
    if ([...chosen].some((use) => !uses.includes(use)))
      throw new TypeError('Expected a placement to choose from the nodes that it is given')
    const nodes = [...chosen].map(({ node }) => node)
    for (const node of nodes) this.expect(node, file) // The next file should know of it.
    return nodes
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#stations.values()].map(({ client }) => client.close()))
  }

  #get(node: Node): Station | undefined {
    return this.#stations.get(formatNode(node))
  }
}
