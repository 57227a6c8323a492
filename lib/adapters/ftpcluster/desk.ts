import type { FileState } from '../../posix/inode.js'
import { statEntry } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import { fromByteString, toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import type { Item } from '../../queue/item.js'
import { listEntries } from '../../queue/list-entries.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import type { Cluster } from './cluster.js'
import { bodyOf } from './job-items.js'
import { JobQueues } from './job-queues.js'
import { type FileVersion, type Job, makeJob } from './job.js'
import { type Copy, isSameCopy, type LinkFile } from './link-file.js'
import { NamedCopies } from './named-copies.js'
import { pathOfCopy } from './node-path.js'
import { formatNode, type Node } from './node.js'
import type { FileToPlace } from './placement.js'
import type { Processor } from './queue-file-name.js'
import { readNodes } from './read-nodes.js'
import { findLink, findVersion, type Found, spaceName, withFile } from './space.js'
import { type ExpectedFile, Stations, type StationsOptions } from './stations.js'
import { allStored, forgetStored, readStored, type StoredCopies } from './stored-copies.js'
import { Swaps } from './swaps.js'

/** What the work on jobs has to be told. */
export interface DeskOptions extends StationsOptions {
  readonly copies: number
  readonly signal: AbortSignal
}

/** What the processors of a cluster work with: its nodes, its queues, and its files. */
export class Desk {
  readonly root: Root
  readonly cluster: Cluster
  readonly queues: JobQueues
  readonly stations: Stations
  readonly swaps: Swaps
  /** `.fsq` in the home. */
  readonly state: string
  readonly copies: number
  readonly signal: AbortSignal
  readonly #named: NamedCopies
  /** The end of what is done about a file, by its name. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #hasNews = false

  /** @throws `FsqError` `FSQ_CLUSTER` where the nodes cannot be told */
  constructor(root: Root, cluster: Cluster, state: string, options: DeskOptions) {
    this.root = root
    this.cluster = cluster
    this.queues = new JobQueues(root, cluster)
    this.#named = new NamedCopies(cluster.home, options.signal)
    this.stations = new Stations(readNodes(cluster), options, (node) => this.#named.useOf(node))
    this.swaps = new Swaps(cluster.home, state)
    this.state = state
    this.copies = options.copies
    this.signal = options.signal
  }

  /** The nodes of the cluster, in the order of `.cluster.conf`. */
  get nodes(): Node[] {
    return this.stations.nodes
  }

  /**
   * Makes the queues of those types of jobs, with a host queue for each node, where they are missing, and ends
   * what was begun by a processor that was killed. What waits for nodes that are not in `.cluster.conf` any
   * more goes back to the queue of its type, to be dispatched anew.
   */
  async open(types: readonly Job['type'][]): Promise<void> {
    await this.swaps.recover()
    for (const stored of allStored(this.state)) await this.#clear(stored)
    for (const type of types) {
      const queue = await this.queues.install(type, type === 'upload' ? [] : this.nodes)
      const gone = (await queue.hosts()).filter(
        (host) => !this.nodes.map(formatNode).includes(host),
      )
      for (const host of gone) await this.#takeBack(queue, queue.host(host))
    }
  }

  async #takeBack(queue: Queue, hostQueue: Queue): Promise<void> {
    const options = { maxTries: 0, ttl: 0, ignoreDown: true, signal: this.signal }
    try {
      for await (const item of hostQueue.scan(options)) {
        try {
          if (item.hostname !== this.cluster.name) continue
          await queue.receive(item.id, await item.bytes())
          await item.success()
        } finally {
          item.close()
        }
      }
    } catch (error) {
      if (!this.signal.aborted) throw error // The next goes on with it.
    }
  }

  /** Forgets the copies of a file that is stored by now, or is another, and has them removed. In turn only. */
  async clearStored(name: string): Promise<void> {
    const stored = readStored(this.state, name)
    if (stored !== undefined) await this.#clear(stored)
  }

  async #clear(stored: StoredCopies): Promise<void> {
    const { name, size, mtime, copies } = stored
    const found = await this.find(name, stored)
    if (found?.is === 'content') return
    const named = found?.is === 'link' ? found.link.copies : []
    for (const copy of copies) {
      if (named.some((each) => isSameCopy(each, copy))) continue
      const version = { size, mtime }
      this.stations.expectNoMore(copy.node, stored)
      await this.queues.submit(makeJob({ type: 'remove', ...copy, linkfile: name, version }))
      this.#hasNews = true
    }
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

  /** The copy that a job puts on a node: at the same path, however often it is tried. */
  copyFor({ id }: Item, name: string, mtime: number, { host, port }: Node): Copy {
    const job = fieldsOf(id).slice(1, 5).join(' ') // Without its tries.
    return { node: { host, port }, nodepath: pathOfCopy(name, mtime, job) }
  }

  /** Removes what a job put on a node, now: what is to be put there later has the same path. */
  async discard({ node, nodepath }: Copy): Promise<void> {
    await this.stations.client(node)?.discard(nodepath, { signal: this.signal })
  }

  /** The link file of a file names one more copy. */
  isNamed(copy: Copy, file: ExpectedFile): void {
    this.#named.add(copy, file.name, file.size)
    this.stations.expectNoMore(copy.node, file)
  }

  /** The link file of a file names a copy no more. */
  isNamedNoMore(copy: Copy, name: string): void {
    this.#named.remove(copy, name)
  }

  /** Finds out what the nodes have, to {@link place} files by. */
  async survey(): Promise<void> {
    await this.#named.survey()
  }

  /**
   * The files whose link files name a copy, which a job wants to go.
   *
   * @param seenAt - when the job was seen, by performance.now()
   */
  async namingFiles(copy: Copy, seenAt: number): Promise<string[]> {
    return this.#named.find(copy, seenAt)
  }

  /** The host queue of a node for what a processor does. */
  hostQueue(processor: Processor, node: Node): Queue {
    return this.queues.of(processor).host(formatNode(node))
  }

  /**
   * Chooses nodes for a file, after a {@link survey}.
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
    const hostQueue = (node: Node): Queue => this.hostQueue(processor, node)
    return this.stations.choose(file, copies, hostQueue, allowed, without)
  }

  /** The nodes in whose host queues an item is. */
  holders(processor: Processor, item: Item): Node[] {
    return this.nodes.filter((node) => this.#holds(processor, node, item))
  }

  /** Whether an item is in the host queue of a node, however often it was tried there. */
  #holds(processor: Processor, node: Node, { id }: Item): boolean {
    const { paths, writing } = this.hostQueue(processor, node).context
    return triesOf(id).some(
      (name) =>
        statEntry(entryPath(paths.queue, toByteString(name, writing.charset))) !== undefined,
    )
  }

  /** Puts a job into the host queue of a node, unless it is there. */
  async moveTo(processor: Processor, node: Node, item: Item, job: Job): Promise<void> {
    const file = fileOf(job)
    if (file !== undefined) this.stations.expect(node, file)
    if (this.#holds(processor, node, item)) return
    await this.hostQueue(processor, node).receive(item.id, bodyOf(job))
    this.#hasNews = true
  }

  /** A node gets no copy by a job that was to put one there. */
  noCopyOn(node: Node, job: Job): void {
    const file = fileOf(job)
    if (file !== undefined) this.stations.expectNoMore(node, file)
  }

  /** Puts a job back into the queue of its type, to be dispatched anew. */
  async resubmit(job: Job, { id }: Item): Promise<void> {
    await this.queues.of(job.type).receive(id, bodyOf(job))
    this.#hasNews = true
  }

  /** Whether there are new jobs since this was asked last. */
  takeNews(): boolean {
    const hasNews = this.#hasNews
    this.#hasNews = false
    return hasNews
  }

  /** Does something about a file when nobody else is at it. Not within another turn for the same file. */
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
}

/** The file of which a job makes copies. */
function fileOf(job: Job): ExpectedFile | undefined {
  if (job.type === 'remove' || job.type === 'opaque') return undefined
  const { size, mtime } = job
  return { name: spaceName(job.type === 'replicate' ? job.linkfile : job.filename), size, mtime }
}

/** The fields of a name, which has its delimiter first: "", time, entropy, pid, host, tries, arguments. */
function fieldsOf(id: string): string[] {
  return id.split(id.charAt(0))
}

/** The names that an item may have where it was tried more often, or less. */
function triesOf(id: string): string[] {
  const fields = fieldsOf(id)
  const tries = Number(fields[5])
  return Array.from({ length: tries + 8 }, (_, i) => fields.with(5, String(i)).join(id.charAt(0)))
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
