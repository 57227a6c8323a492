import { all } from '../../all.js'
import { FsqError, reasonOf } from '../../errors.js'
import { inFlight } from '../../in-flight.js'
import { checkMembers } from '../../members.js'
import type { Item } from '../../queue/item.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import { untilAborted } from '../../until-aborted.js'
import { type Backoff, backoffSeconds } from '../../work/backoff.js'
import { wholeNumber } from '../../work/work-options.js'
import { Changes } from './changes.js'
import { checkName, claimName } from './claim-name.js'
import { openCluster } from './cluster.js'
import { Desk } from './desk.js'
import { bytesOf } from './escape.js'
import { importCluster, type ImportEvent } from './import.js'
import type { JobEnd } from './job-end.js'
import { type Job, parseJob } from './job.js'
import { longestLine } from './lines.js'
import type { NodeClientOptions } from './node-client.js'
import { NodeError } from './node-error.js'
import { hasWayUp } from './node-path.js'
import { formatNode, type Node } from './node.js'
import type { ProcessEvent } from './process-events.js'
import { balanceUsedSpace, type Placement } from './placement.js'
import type { Processor } from './queue-file-name.js'
import { remove } from './remove.js'
import { replicate } from './replicate.js'
import { isInSpace } from './space.js'
import { openStateDirectory } from './state-directory.js'
import { store } from './store.js'
import { busy } from './watch.js'

/*
 * The processors of an ftpcluster, over work-items. In a pass:
 *
 *   1. each job that waits in the queue of its type is looked at: is it still valid, and which nodes is it
 *      for; it is put into the host queues of these, to last, and is done       (dispatch)
 *   2. each node has its host queues worked through, beside the others           (store, replicate, remove)
 *   3. where a node was full, or a copy is not wanted any more, there are new jobs: step 2 again
 *
 * A node that is away, or is down (fsq down-host), costs the others nothing: its items wait for it.
 */

/** How the jobs of a cluster are processed. */
export interface ProcessOptions extends NodeClientOptions {
  /** Which types of jobs. @defaultValue all: store (which does uploads too), replicate and remove */
  readonly types?: readonly Processor[]
  /** On how many nodes a file is stored whose job does not name them. @defaultValue 1 */
  readonly copies?: number
  /** Chooses nodes for jobs that do not name them. @defaultValue {@link balanceUsedSpace} */
  readonly placement?: Placement
  /** Go on with what arrives, until `signal` aborts. @defaultValue false: one pass */
  readonly follow?: boolean
  /** How often, in seconds, `follow` makes a pass although nothing arrived. @defaultValue 30 */
  readonly sweep?: number
  /** Import before each pass, and with `follow` whenever `.queue` changes. @defaultValue false */
  readonly import?: boolean
  /** The name of the cluster in its items. @defaultValue the last part of the path of its home */
  readonly name?: string
  /** Is told of everything. */
  readonly onEvent?: (event: ProcessEvent) => void
  /** Ends it: what is under way is called off, and stays in its queue. */
  readonly signal?: AbortSignal
}

const processOptions = new Set<string>([
  'types',
  'copies',
  'placement',
  'follow',
  'sweep',
  'import',
  'name',
  'onEvent',
  'signal',
  'tls',
  'ca',
  'timeout',
  'connections',
] satisfies (keyof ProcessOptions)[])

/** What a processor did. */
export interface ProcessResult {
  /** How many jobs it did on a node. */
  readonly done: number
  /** How many there was nothing to do for any more. */
  readonly dropped: number
  /** How many failed for good. */
  readonly failed: number
  /** How many were tried, and are tried again later. */
  readonly retried: number
  /** How many wait: for nodes that are away or down, or since it was ended. */
  readonly waiting: number
}

/** After so many seconds a queue file is looked at again that somebody writes to. */
const soon = 1

/** So many jobs are dispatched at a time: they share their syncs. */
const dispatchedAtOnce = 16

const handlers = { store, replicate, remove } as const

/** The types of jobs that a processor does. */
const sources: Readonly<Record<Processor, readonly Job['type'][]>> = {
  store: ['upload', 'store'],
  replicate: ['replicate'],
  remove: ['remove'],
}

/**
 * Does the jobs of a cluster that are in its queues; {@link importCluster} puts them there.
 *
 * @throws `FsqError` `FSQ_CLUSTER` for a cluster that cannot be used, `FSQ_CLUSTER_LOCKED` where another
 * processor is at work on it; what {@link Queue.scan} throws. What is wrong with a job or a node is an
 * event.
 */
export async function processCluster(
  root: Root,
  home: string,
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  checkMembers('an option of a processor', options, processOptions)
  const { copies = 1, placement = balanceUsedSpace, sweep = 30, signal, onEvent } = options
  const { types = ['store', 'replicate', 'remove'] } = options
  wholeNumber('copies', copies, 1)
  if (types.length === 0 || !types.every((type) => Object.hasOwn(handlers, type)))
    throw new TypeError(`Expected \`types\` to be of store, replicate, remove, got ${types.join()}`)
  if (!(sweep > 0)) throw new TypeError(`Expected \`sweep\` to be more than 0, got ${sweep}`)
  const cluster = openCluster(home, options)
  using state = openStateDirectory(cluster)
  const ending = new AbortController()
  const end = (): void => {
    ending.abort()
  }
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted === true) end()
  const desk = new Desk(root, cluster, state.path, {
    ...options,
    copies,
    placement,
    signal: ending.signal,
    onTrouble: (type, error) => onEvent?.({ type, node: error.node, error }),
  })
  try {
    return await new Process(desk, types, options, ending).run()
  } finally {
    signal?.removeEventListener('abort', end)
    await desk.stations.close()
  }
}

class Process {
  readonly #desk: Desk
  readonly #types: readonly Processor[]
  readonly #options: ProcessOptions
  readonly #counts = { done: 0, dropped: 0, failed: 0, retried: 0 }
  /** The items that were tried in vain in this pass, by their names since. */
  readonly #tried = new Set<string>()
  /** When items that failed are to be tried again, in milliseconds of the epoch, by their queues. */
  readonly #retries = new Map<string, number[]>()
  /** Why queue files were left, by their names. */
  readonly #leftFiles = new Map<string, string>()
  /** Aborts when it is to end, or cannot go on. */
  readonly #ending: AbortController

  constructor(
    desk: Desk,
    types: readonly Processor[],
    options: ProcessOptions,
    ending: AbortController,
  ) {
    this.#desk = desk
    this.#types = types
    this.#options = options
    this.#ending = ending
  }

  async run(): Promise<ProcessResult> {
    const desk = this.#desk
    const types = this.#types.flatMap((type) => sources[type])
    checkName(desk.root, desk.cluster)
    for (const type of types) await desk.queues.install(type)
    await claimName(desk.root, desk.cluster)
    await desk.open(types)
    if (this.#options.follow === true) await this.#follow()
    else await this.#pass()
    return { ...this.#counts, waiting: desk.waiting(this.#types) }
  }

  async #pass(): Promise<void> {
    await this.#dispatchAll()
    this.#desk.takeNews()
    const work = async (node: Node): Promise<void> => {
      await this.#workOn(node)
    }
    do await all(this.#desk.nodes.map(work))
    while (await this.#hasMore())
  }

  /** Step 3. */
  async #hasMore(): Promise<boolean> {
    if (!this.#desk.takeNews() || this.#ending.signal.aborted) return false
    for (const processor of this.#types) await this.#dispatch(processor)
    this.#desk.takeNews()
    return true
  }

  /** Each node at its own pace: one that does not answer keeps no other waiting. */
  async #follow(): Promise<void> {
    const desk = this.#desk
    const queues = this.#types.flatMap((type) => sources[type]).map((type) => desk.queues.of(type))
    const hostQueues = (node: Node): Queue[] =>
      this.#types.map((type) => desk.hostQueue(type, node))
    await all([
      this.#again(
        queues,
        () => this.#dispatchAll(),
        this.#options.import === true ? [desk.cluster.paths.queue] : [],
      ),
      ...desk.nodes.map((node) => this.#again(hostQueues(node), () => this.#workOn(node))),
    ])
  }

  /** Does something whenever something comes into one of the queues, until it is ended. */
  async #again(
    queues: readonly Queue[],
    act: () => Promise<number | undefined>,
    directories: readonly string[] = [],
  ): Promise<void> {
    const { sweep = 30 } = this.#options
    const signal = this.#ending.signal
    using changes = new Changes(queues, directories, sweep)
    try {
      while (!signal.aborted) {
        changes.begin()
        const began = Date.now()
        const within = Math.min((await act()) ?? Infinity, this.#untilRetry(queues, began))
        await untilAborted(changes.next(within), signal).catch(() => undefined)
      }
    } catch (error) {
      this.#ending.abort() // What one cannot go on with the others cannot either.
      throw error
    }
  }

  /** In how many seconds the first of the items in some queues is to be tried again that was not since a time. */
  #untilRetry(queues: readonly Queue[], since: number): number {
    const next = queues.flatMap(({ context: { paths } }) => {
      const times = (this.#retries.get(paths.queue) ?? []).filter((time) => time > since)
      this.#retries.set(paths.queue, times)
      return times
    })
    return (
      Math.max(0, next.reduce((one, other) => Math.min(one, other), Infinity) - Date.now()) / 1000
    )
  }

  /** Step 1; in how many seconds it should be done again although nothing arrived. */
  async #dispatchAll(): Promise<number | undefined> {
    this.#desk.stations.beginPass()
    this.#tried.clear()
    const hasLeft = this.#options.import === true && (await this.#import())
    for (const processor of this.#types) await this.#dispatch(processor)
    return hasLeft ? soon : undefined
  }

  /** Whether it is to be tried again soon: somebody writes to a file, or has the lock, of whose end nobody tells. */
  async #import(): Promise<boolean> {
    const { root, cluster } = this.#desk
    const { signal } = this.#ending
    try {
      let isBusy = false
      await importCluster(root, cluster.home, {
        name: cluster.name,
        signal,
        onEvent: (event) => {
          isBusy ||= event.type === 'left' && event.reason === busy
          if (!this.#wasTold(event)) this.#tell(event)
        },
      })
      return isBusy
    } catch (error) {
      if (signal.aborted) return false
      if (!(error instanceof FsqError) || error.code !== 'FSQ_CLUSTER_LOCKED') throw error
      this.#tell({ type: 'locked', error })
      return true
    }
  }

  /** Who follows is told once why a file was left. */
  #wasTold(event: ImportEvent): boolean {
    if (event.type === 'imported') this.#leftFiles.delete(event.file)
    if (event.type !== 'left') return false
    const wasTold = this.#leftFiles.get(event.file) === event.reason
    this.#leftFiles.set(event.file, event.reason)
    return wasTold
  }

  async #dispatch(processor: Processor): Promise<void> {
    for (const type of sources[processor])
      await this.#each(this.#desk.queues.of(type), dispatchedAtOnce, async (item, job) => {
        const end = await handlers[processor].dispatch(this.#desk, job as never, item)
        await this.#finish(item, job, end)
      })
  }

  /**
   * Step 2, for one node. What waits for another node, to copy from, leaves a connection to the others.
   *
   * @returns in how many seconds it should be done again although nothing arrived: this node may be back, or one
   * to copy from
   */
  async #workOn(node: Node): Promise<number | undefined> {
    const { connections = 2 } = this.#options
    await all(
      this.#types.map((processor) => {
        const most = processor === 'replicate' ? Math.max(1, connections - 1) : connections
        const queue = this.#desk.hostQueue(processor, node)
        return this.#each(queue, most, (item, job, seenAt) =>
          this.#work(processor, node, item, job, seenAt),
        )
      }),
    )
    return this.#desk.stations.untilNextReturn()
  }

  async #work(
    processor: Processor,
    node: Node,
    item: Item,
    job: Job,
    seenAt: number,
  ): Promise<void> {
    const { signal } = this.#ending
    const began = performance.now()
    if (this.#desk.stations.isAway(node)) return // Not for this job to spend a try on.
    let end: JobEnd
    try {
      end = await handlers[processor].perform(this.#desk, job as never, node, item, seenAt)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof NodeError)) throw error
      const isFirst = !this.#desk.stations.isAway(node)
      this.#desk.stations.hear(error)
      // Others were under way to a node that went away: one try is enough to tell that it did.
      if (!isFirst && error.ofNode) return
      end =
        error.kind === 'refused' ? { end: 'failed', why: error.message } : { end: 'again', error }
    }
    if (end.end === 'dropped' || end.end === 'failed') this.#desk.noCopyOn(node, job)
    const seconds = (performance.now() - began) / 1000
    await this.#finish(item, job, end, { node, seconds })
  }

  async #finish(
    item: Item,
    job: Job,
    end: JobEnd,
    on?: { readonly node: Node; readonly seconds: number },
  ): Promise<void> {
    const about = { queue: item.context.name, id: item.id, job }
    switch (end.end) {
      case 'done':
        await item.success()
        if (on === undefined) return
        this.#counts.done++
        this.#tell({ ...about, type: 'done', ...on })
        return
      case 'moved':
        await item.success()
        this.#tell({ ...about, type: 'dispatched', nodes: end.nodes })
        return
      case 'dropped':
        await item.success()
        this.#counts.dropped++
        this.#tell({ ...about, type: 'dropped', why: end.why })
        return
      case 'failed':
        await item.failPerm()
        this.#counts.failed++
        this.#tell({ ...about, type: 'failed', why: end.why })
        return
      case 'left':
        return
      case 'again':
        await this.#failTmp(item)
        this.#counts.retried++
        this.#tell({ ...about, type: 'retried', error: end.error })
    }
  }

  /** What is wrong with one item must not keep the others from being done. */
  #troubleWith({ id }: Item, cause: unknown): FsqError {
    if (cause instanceof FsqError) return cause
    const { home: path } = this.#desk.cluster
    const message = `cannot process item ${id}: ${reasonOf(cause)}`
    return new FsqError('FSQ_CLUSTER', message, { path, cause })
  }

  /** A pass tries each once, when somebody, or cron, says so; who follows would try for ever. */
  async #failTmp(item: Item): Promise<void> {
    if (this.#options.follow === true) {
      const seconds = backoffSeconds(pauses, item.tries + 1)
      const notBefore = new Date(Date.now() + seconds * 1000)
      await item.failTmp({ notBefore })
      const { queue } = item.context.paths
      const times = this.#retries.get(queue) ?? []
      times.push(notBefore.getTime())
      this.#retries.set(queue, times)
    } else {
      const { id } = await item.failTmp()
      this.#tried.add(id)
    }
  }

  /**
   * Runs something for each job of a queue, several at a time; an item that is not finished stays as it is.
   *
   * @param run - is told, too, when all of them were seen, by performance.now()
   */
  async #each(
    queue: Queue,
    most: number,
    run: (item: Item, job: Job, seenAt: number) => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#ending
    let seenAt: number | undefined
    const scan = queue.scan({
      maxTries: 0,
      ttl: 0,
      signal,
      onEvent: (event) => {
        this.#tell(event)
      },
    })
    try {
      await inFlight(scan, most, async (item) => {
        seenAt ??= performance.now() // With the first of them all were listed.
        const at = seenAt
        try {
          await this.#read(item, (each, job) => run(each, job, at))
        } finally {
          item.close()
        }
      })
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof FsqError) || error.code !== 'FSQ_DOWN') throw error
      const { host } = queue.context
      const node = this.#desk.nodes.find((each) => formatNode(each) === host?.name)
      if (node === undefined) throw error
      this.#tell({ type: 'down', node, queue: queue.name })
    } finally {
      await scan.return()
    }
  }

  async #read(item: Item, run: (item: Item, job: Job) => Promise<void>): Promise<void> {
    try {
      if (this.#tried.has(item.id)) return // One try in a pass is enough.
      if (item.hostname !== this.#desk.cluster.name) return // It is another cluster's, which shares the root.
      const job = await readJob(item)
      const why = reasonAgainst(job)
      if (why === undefined) await run(item, job)
      else await this.#finish(item, job, { end: 'failed', why })
    } catch (thrown) {
      if (this.#ending.signal.aborted) return
      const error = this.#troubleWith(item, thrown)
      if (error.code === 'FSQ_UNSUPPORTED') throw error
      this.#tell({ type: 'error', queue: item.context.name, id: item.id, error })
    }
  }

  #tell(event: ProcessEvent): void {
    this.#options.onEvent?.(event)
  }
}

async function readJob(item: Item): Promise<Job> {
  const tooLong: Job = {
    type: 'opaque',
    reason: 'it is no line of a queue file',
    line: Buffer.of(),
  }
  if (item.size > longestLine + 1) return tooLong
  const bytes = await item.bytes()
  const end = bytes.indexOf(0x0a)
  if (end >= 0 && end < bytes.length - 1) return tooLong
  return parseJob(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Why a job cannot be done, whatever there is. */
function reasonAgainst(job: Job): string | undefined {
  switch (job.type) {
    case 'opaque':
      return job.reason
    case 'upload':
    case 'store':
      return reasonAgainstName(job.filename)
    case 'replicate':
      return reasonAgainstName(job.linkfile)
    case 'remove':
      return hasWayUp(job.nodepath) ? 'its path on the node has a way up' : undefined
  }
}

function reasonAgainstName(name: string): string | undefined {
  if (!isInSpace(name)) return 'its path leads out of the FTP space'
  const isTooLong = name.split('/').some((part) => bytesOf(part).length > 255)
  return isTooLong ? 'its path is longer than any file system takes' : undefined
}

/** How long a job waits for its next try, in seconds. */
const pauses: Backoff = { base: 1, max: 60 }
