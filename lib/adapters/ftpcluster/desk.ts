import { FsqError, reasonOf } from '../../errors.js'
import type { FileState } from '../../posix/inode.js'
import { statEntry } from '../../posix/names.js'
import { readPrivateFile } from '../../posix/private-file.js'
import { entryPath } from '../../posix/path.js'
import { listEntries } from '../../queue/list-entries.js'
import { fromByteString, toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import { type Backoff, backoffSeconds } from '../../work/backoff.js'
import { type ConfiguredNode, parseClusterConf } from './cluster-conf.js'
import type { Cluster } from './cluster.js'
import { bodyOf } from './job-items.js'
import { JobQueues } from './job-queues.js'
import { type FileVersion, type Job, makeJob } from './job.js'
import type { Copy, LinkFile } from './link-file.js'
import { NodeClient, type NodeClientOptions } from './node-client.js'
import type { NodeError } from './node-error.js'
import { formatNode, type Node } from './node.js'
import type { FileToPlace, NodeUse, Placement } from './placement.js'
import type { Processor } from './queue-file-name.js'
import { findLink, findVersion, type Found, walkSpace, withFile } from './space.js'
import { allStored, forgetStored, readStored, type StoredCopies } from './stored-copies.js'
import { Swaps } from './swaps.js'

/** What the work on jobs has to be told. */
export interface DeskOptions extends NodeClientOptions {
  readonly copies: number
  readonly placement: Placement
  /** Whether a node that went away is tried again after a pause, and not in the next pass. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
  /** Is told when a node is left alone. */
  readonly onTrouble: (type: 'away' | 'full', error: NodeError) => void
}

/** How long a node that went away is left alone, in seconds. */
const pauses: Backoff = { base: 1, max: 60 }

/** A node, and what is known of it. */
interface Station {
  readonly node: ConfiguredNode
  readonly client: NodeClient
  used: number
  files: number
  /** Until when, in milliseconds of performance.now(), it is left alone; without an end in a single pass. */
  awayUntil: number
  /** How often in a row it went away. */
  failures: number
  isFull: boolean
}

/** What the processors of a cluster work with: its nodes, its queues, and its files. */
export class Desk {
  readonly root: Root
  readonly cluster: Cluster
  readonly queues: JobQueues
  readonly swaps: Swaps
  /** `.fsq` in the home. */
  readonly state: string
  readonly copies: number
  readonly signal: AbortSignal | undefined
  readonly #placement: Placement
  readonly #onTrouble: DeskOptions['onTrouble']
  readonly #stations: ReadonlyMap<string, Station>
  /** The end of what is done about a file, by its name. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #follows: boolean
  #isCounted = false
  #hasNews = false

  /** @throws `FsqError` `FSQ_CLUSTER` where the nodes cannot be told */
  constructor(root: Root, cluster: Cluster, state: string, options: DeskOptions) {
    const { copies, placement, signal, tls, ca, timeout, connections } = options
    this.root = root
    this.cluster = cluster
    this.queues = new JobQueues(root, cluster)
    this.state = state
    this.swaps = new Swaps(cluster.home, state)
    this.copies = copies
    this.signal = signal
    this.#placement = placement
    this.#follows = options.follow === true
    this.#onTrouble = options.onTrouble
    const stations = readNodes(cluster).map((node): [string, Station] => {
      const client = new NodeClient(node, { tls, ca, timeout, connections })
      const counts = { used: 0, files: 0, awayUntil: 0, failures: 0, isFull: false }
      return [formatNode(node), { node, client, ...counts }]
    })
    this.#stations = new Map(stations)
  }

  /** The nodes of the cluster, in the order of `.cluster.conf`. */
  get nodes(): Node[] {
    return [...this.#stations.values()].map(({ node }) => node)
  }

  /** Makes the queues of those types of jobs, with a host queue for each node, where they are missing. */
  async open(types: readonly Job['type'][]): Promise<void> {
    for (const type of types) await this.queues.install(type, type === 'upload' ? [] : this.nodes)
  }

  /** Ends what was begun by a processor that was killed. */
  async recover(): Promise<void> {
    await this.swaps.recover()
    for (const stored of allStored(this.state)) await this.#clear(stored)
  }

  /** Forgets the copies of a file that is stored by now, or is another, and has them removed. */
  async clearStored(name: string): Promise<void> {
    await this.inTurn(name, async () => {
      const stored = readStored(this.state, name)
      if (stored !== undefined) await this.#clear(stored)
    })
  }

  async #clear(stored: StoredCopies): Promise<void> {
    const { name, copies } = stored
    const found = await this.find(name, stored)
    if (found?.is === 'content') return
    const named = found?.is === 'link' ? found.link.copies : []
    await this.removeCopies(
      name,
      stored,
      copies.filter((copy) => !named.some((each) => isSameCopy(each, copy))),
    )
    forgetStored(this.state, name)
  }

  /** What is in the place of a file; its content is not kept open. */
  async find(name: string, version: FileVersion): Promise<Found | undefined> {
    return withFile(this.cluster.home, name, (file) => {
      const found = findVersion(file, version)
      if (found.is === 'content') found.close()
      return found
    })
  }

  /** The link file in the place of a file. */
  async findLink(name: string): Promise<{ link: LinkFile; state: FileState } | undefined> {
    return withFile(this.cluster.home, name, findLink)
  }

  /** Nodes that were full may have space again; one that was away is waited for by who follows alone. */
  beginPass(): void {
    for (const station of this.#stations.values()) {
      station.isFull = false
      if (!this.#follows) station.awayUntil = 0
    }
  }

  /** The connections to a node; undefined for one that is not in `.cluster.conf`. */
  client(node: Node): NodeClient | undefined {
    return this.#stations.get(formatNode(node))?.client
  }

  /** The host queue of a node for what a processor does. */
  hostQueue(processor: Processor, node: Node): Queue {
    return this.queues.of(processor).host(formatNode(node))
  }

  /** Whether a node is left alone for now. */
  isAway(node: Node): boolean {
    const station = this.#stations.get(formatNode(node))
    return station !== undefined && station.awayUntil > performance.now()
  }

  /** Leaves a node alone that went away, or puts no further file on one that is full. */
  hear(error: NodeError): void {
    const station = this.#stations.get(formatNode(error.node))
    if (station === undefined) return
    if (error.ofNode && !this.isAway(error.node)) {
      station.failures++
      station.awayUntil = this.#follows
        ? performance.now() + backoffSeconds(pauses, station.failures) * 1000
        : Infinity
      this.#onTrouble('away', error)
    }
    if (error.kind === 'full' && !station.isFull) {
      station.isFull = true
      this.#onTrouble('full', error)
    }
  }

  /** A node has one more copy, or is about to. */
  expect(node: Node, size: number): void {
    const station = this.#stations.get(formatNode(node))
    if (station === undefined) return
    station.used += size
    station.files += Math.sign(size)
  }

  /** A node did as it was asked. */
  succeeded(node: Node): void {
    const station = this.#stations.get(formatNode(node))
    if (station !== undefined) station.failures = 0
  }

  /**
   * Chooses nodes for a file.
   *
   * @param allowed - empty: all nodes
   * @param without - nodes that have a copy, or are to get one
   * @returns as many as were asked for; fewer only where there are no more
   */
  place(
    processor: Processor,
    file: FileToPlace,
    copies: number,
    allowed: readonly Node[],
    without: readonly Node[],
  ): Node[] {
    this.#countUse()
    const excluded = new Set(without.map(formatNode))
    const included = new Set(allowed.map(formatNode))
    const candidates = [...this.#stations.values()].filter(({ node, isFull }) => {
      const name = formatNode(node)
      if (excluded.has(name) || (included.size > 0 && !included.has(name))) return false
      return !isFull && !this.isAway(node) && !this.#isDown(processor, node)
    })
    const uses = candidates.map(({ node, used, files }): NodeUse => ({
      node: { host: node.host, port: node.port },
      used,
      files,
    }))
    const chosen = this.#placement(file, uses, copies).slice(0, copies)
    for (const use of chosen) {
      const station = candidates[uses.indexOf(use)]
      if (station === undefined)
        throw new TypeError('Expected a placement to choose from the nodes that it is given')
      this.expect(station.node, file.size) // It is not there yet, but the next file should know.
    }
    return chosen.map(({ node }) => node)
  }

  #isDown(processor: Processor, node: Node): boolean {
    const { context } = this.hostQueue(processor, node)
    return statEntry(context.paths.down) !== undefined
  }

  /** What the nodes have, by the link files; once. */
  #countUse(): void {
    if (this.#isCounted) return
    this.#isCounted = true
    for (const { link } of walkSpace(this.cluster.home))
      for (const { node } of link?.copies ?? []) this.expect(node, link?.size ?? 0)
  }

  /** The nodes in whose host queues an item is, under that very name. */
  holders(processor: Processor, id: string): Node[] {
    return this.nodes.filter((node) => {
      const { paths, writing } = this.hostQueue(processor, node).context
      return statEntry(entryPath(paths.queue, toByteString(id, writing.charset))) !== undefined
    })
  }

  /** Submits the removal of copies that no link file names. */
  async removeCopies(name: string, version: FileVersion, copies: readonly Copy[]): Promise<void> {
    const { size, mtime } = version
    if (copies.length > 0) this.#hasNews = true
    for (const { node, nodepath } of copies)
      await this.queues.submit(
        makeJob({ type: 'remove', node, nodepath, linkfile: name, version: { size, mtime } }),
      )
  }

  /** Puts a job into the host queue of another node. */
  async moveTo(processor: Processor, node: Node, id: string, job: Job): Promise<void> {
    await this.hostQueue(processor, node).receive(id, bodyOf(job))
    this.#hasNews = true
  }

  /** Whether there are new jobs since this was asked last: for another node, or to remove a copy. */
  takeNews(): boolean {
    const hasNews = this.#hasNews
    this.#hasNews = false
    return hasNews
  }

  /** Does something about a file when nobody else is at it. */
  async inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name)
    const turn = (before ?? Promise.resolve()).then(act)
    const settled = turn.catch(() => undefined)
    this.#turns.set(name, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === settled) this.#turns.delete(name)
    }
  }

  /** How many of the cluster's items wait in the queues of the processors. */
  waiting(processors: readonly Processor[]): number {
    const queues = processors.flatMap((processor) => [
      this.queues.of(processor),
      ...(processor === 'store' ? [this.queues.of('upload')] : []),
      ...this.nodes.map((node) => this.hostQueue(processor, node)),
    ])
    return queues.reduce((sum, queue) => sum + itemsOf(queue, this.cluster), 0)
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#stations.values()].map(async ({ client }) => client.close()))
  }
}

function itemsOf({ context }: Queue, { name }: Cluster): number {
  const { reading, paths } = context
  return listEntries(context, paths.queue).filter((entry) => {
    try {
      return parseItemName(fromByteString(entry, reading.charset), reading).hostname === name
    } catch {
      return false
    }
  }).length
}

function isSameCopy(one: Copy, other: Copy): boolean {
  return one.nodepath === other.nodepath && formatNode(one.node) === formatNode(other.node)
}

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
