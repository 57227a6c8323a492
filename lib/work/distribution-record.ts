import { toByteString } from '../name/charset.js'
import {
  close,
  openIfThere,
  openSharedRecord,
  pinDirectory,
  type PinnedDirectory,
  readAt,
  readSmall,
  statFile,
  writeFully,
} from '../posix/files.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { isDirectory, listNames, removeIfThere, statEntry } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { hostContext, type QueueContext } from '../queue/context.js'
import { itemOwnership } from '../queue/ownership.js'
import { pinSideDirectory, writeSideFile } from '../queue/side-directory.js'

/*
 * How far the distribution of an item has come, in .dist/ of the queue under the name of the item: a JSON
 * array a line, `["for",HOST]` for each host that is to have it and `["has",HOST,QUEUE]` for each that has,
 * with what tells its queue from one that was made anew under that name. It is what keeps an item that was given to
 * one host, and finished there, from being given to it again when another host was down, or when the distribution was
 * killed. Not part of fsq(7).
 */

/** Who holds the lock of an item may write its record. */
export class DistributionRecord implements Disposable {
  /** The hosts that the item is for, if that was decided before. */
  readonly targets = new Set<string>()
  /** The hosts that have it. */
  readonly has = new Set<string>()
  readonly #queue: QueueContext
  readonly #directory: PinnedDirectory
  readonly #path: Path
  readonly #fd: number
  /** Whether a power cut left a part of the last line: what is written behind it would be lost with it. */
  #isTorn: boolean

  private constructor(queue: QueueContext, directory: PinnedDirectory, path: Path, fd: number) {
    this.#queue = queue
    this.#directory = directory
    this.#path = path
    this.#fd = fd
    const lines = readAt(fd, 0, statFile(fd).size).toString().split('\n')
    for (const line of lines) this.#read(line)
    this.#isTorn = lines.at(-1) !== ''
  }

  /** Opens the record of an item, made where there is none. */
  static open(queue: QueueContext, id: string): DistributionRecord {
    const { paths, settings, writing } = queue
    const { mode } = itemOwnership(settings, {})
    const directory = pinSideDirectory(queue, paths.distribution)
    let fd: number | undefined
    try {
      const path = entryPath(directory.path, toByteString(id, writing.charset))
      fd = openSharedRecord(path, mode)
      return new DistributionRecord(queue, directory, path, fd)
    } catch (error) {
      if (fd !== undefined) close(fd)
      directory.close()
      throw error
    }
  }

  /** Decides for whom the item is. */
  async decide(hosts: readonly string[]): Promise<void> {
    for (const host of hosts) {
      if (this.targets.has(host)) continue
      await this.#write(['for', host])
      this.targets.add(host)
    }
  }

  /** Notes that a host has it. */
  async note(host: string): Promise<void> {
    if (this.has.has(host)) return
    await this.#write(['has', host, queueOf(this.#queue, host)])
    this.has.add(host)
  }

  /** Makes it last: the item is going to wait with it. */
  async sync(): Promise<void> {
    const { settings, paths } = this.#queue
    if (settings.durability === 'none') return
    await sync(this.#fd)
    await syncDirectory(paths.distribution)
    await syncDirectory(`${paths.directory}/.`)
  }

  /** The item is done. */
  remove(): void {
    removeIfThere(this.#path)
  }

  [Symbol.dispose](): void {
    close(this.#fd)
    this.#directory.close()
  }

  #read(line: string): void {
    try {
      const [what, host, queue] = JSON.parse(line) as unknown[]
      if (typeof host !== 'string') return
      if (what === 'for') this.targets.add(host)
      if (what === 'has' && queue === queueOf(this.#queue, host)) this.has.add(host)
    } catch {
      // What a power cut left of a line: the copy is looked for, and found.
    }
  }

  async #write(line: readonly string[]): Promise<void> {
    const begin = this.#isTorn ? '\n' : ''
    this.#isTorn = false
    await writeFully(this.#fd, Buffer.from(`${begin}${JSON.stringify(line)}\n`))
  }
}

/** Tells the queue of a host from another of its name: a number of an inode may be used again. */
function queueOf(queue: QueueContext, host: string): string {
  const stat = statEntry(hostContext(queue, host).paths.queue)
  return `${stat?.ino ?? ''} ${stat?.birthtimeMs ?? ''}`
}

/** Removes the records of items that are no longer in the queue: finished or moved by somebody else. */
export function removeStaleRecords({ paths }: QueueContext): void {
  if (!isDirectory(paths.distribution)) return
  // By the path of the pinned one: all that is in another directory would look stale.
  const directory = pinDirectory(paths.distribution)
  try {
    for (const entry of listNames(directory.path)) {
      if (entry === lastHost || entry.startsWith(lastDraft)) continue
      if (statEntry(entryPath(paths.queue, entry)) === undefined)
        removeIfThere(entryPath(directory.path, entry))
    }
  } finally {
    directory.close()
  }
}

/** Where the host is kept whose turn was last; no item has such a name. */
const lastHost = 'last'

/** How the name of that begins while it is written. */
const lastDraft = '.last-'

/** The host whose turn was last, if that is known. */
export function readLastHost({ paths }: QueueContext): string | undefined {
  const fd = openIfThere(`${paths.distribution}/${lastHost}`)
  if (fd === undefined) return undefined
  try {
    return readSmall(fd)?.toString()
  } finally {
    close(fd)
  }
}

/** Keeps the host whose turn was last, for the next distribution. */
export async function keepLastHost(queue: QueueContext, host: string): Promise<void> {
  const file = { directory: queue.paths.distribution, name: lastHost, draft: lastDraft }
  // Where a power cut takes it, the turns begin anew.
  await writeSideFile(queue, file, Buffer.from(host))
}
