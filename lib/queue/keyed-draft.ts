import { FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { unlink } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { type Draft, type EnqueueOptions, removeLeftover } from './draft.js'
import { type HeldKey, holdKey, holdKnownKey, idOf, type KeyEntry, nameIn, tryKey } from './key.js'
import { claimSuperseded, type Superseded } from './superseded.js'

/*
 * An enqueue with a key: what comes before and after the steps of enqueue.ts (see key.ts for what a
 * crash leaves of a key).
 *
 *   1. lock the key; with an item under it, that is the answer, or an error
 *   2. link tmp/NAME below the key, fsync
 *   3. the steps of enqueue
 *   4. unlock the key
 *
 * Where the new item is to replace the old, the old one is locked before 2, as a worker locks it, and
 * after 3, before the caller is told:
 *
 *   3a. unlink the old item in queue/    after a crash before it, both wait to be worked on
 *   3b. fsync queue/                     after a power cut before it, perhaps both
 *   3c. unlink its link below the key    the new one alone
 *
 * An old item that somebody works on, or has finished, stays as it is, and only loses the key.
 */

/**
 * The item that has the key already, if so and if it is to stay, before anything is written for the
 * new one.
 *
 * @throws {@link FsqError} `FSQ_ID_TAKEN` where that is to be an error, `FSQ_ID_BUSY`.
 */
export async function presentItem(
  queue: QueueContext,
  { id, onDuplicate, signal }: EnqueueOptions,
): Promise<string | undefined> {
  if (id === undefined || onDuplicate === 'replace') return undefined
  const held = await holdKnownKey(queue, id, signal)
  if (held === undefined) return undefined
  try {
    return await answer(queue, held, onDuplicate)
  } finally {
    held.close()
  }
}

/** The name of the item that has the key, which is there to stay; or the error. */
async function answer(
  queue: QueueContext,
  held: HeldKey,
  onDuplicate: EnqueueOptions['onDuplicate'],
): Promise<string | undefined> {
  const last = held.items.at(-1)
  if (last === undefined) return undefined
  // Whoever enqueued it has not come to the end: it may be linked, but not synced.
  if (last.isInTmp && queue.settings.durability !== 'none') await syncDirectory(queue.paths.queue)
  const id = last.isInTmp ? finishEnqueue(queue, held, last) : idOf(queue, last)
  if (onDuplicate !== 'error') return id
  const message = `an item was enqueued to ${queue.name} under that id already: ${id}`
  throw new FsqError('FSQ_ID_TAKEN', message, { queue: queue.name, id })
}

/**
 * The name of an item whose enqueuer was killed once it was linked: not that of the draft, where it has a number or
 * that was taken. Then the name in tmp/ goes, and the key gets that of the item; in this order, since a link counts
 * as an item's where the draft has another name than the link.
 */
function finishEnqueue(queue: QueueContext, held: HeldKey, entry: KeyEntry): string {
  const { tmp, queue: waiting, done, fail } = queue.paths
  for (const directory of [waiting, done, fail]) {
    const name = nameIn(directory, entry)
    if (name === undefined) continue
    if (name !== entry.name) {
      removeLeftover(entryPath(tmp, entry.name))
      held.rename(entry.name, name)
    }
    return idOf(queue, { ...entry, name })
  }
  return idOf(queue, entry)
}

/** What came of the attempt to take the key of a draft; nothing of it where the item has none. */
export interface KeyClaim {
  /** The key, which is held. */
  readonly key?: DraftKey
  /** The item that has the key, and is to keep it. */
  readonly present?: string
  /** Somebody else is enqueueing under it. */
  readonly isBusy?: boolean
}

/**
 * Takes the key of an item that is about to be enqueued, if it has one.
 *
 * @param wait - whether to wait for somebody else who has it; if not, it is `busy`
 */
export async function claimKey(
  queue: QueueContext,
  draft: Draft,
  { id, onDuplicate, signal }: EnqueueOptions,
  wait: boolean,
): Promise<KeyClaim> {
  if (id === undefined) return {}
  for (;;) {
    const held = wait ? await holdKey(queue, id, signal) : tryKey(queue, id)
    if (held === undefined) return { isBusy: true }
    let key: DraftKey | undefined
    try {
      if (onDuplicate !== 'replace') {
        const present = await answer(queue, held, onDuplicate)
        if (present !== undefined) return { present }
      }
      key = new DraftKey(queue, draft, held)
      return { key }
    } catch (error) {
      if (held.isThere()) throw error
    } finally {
      if (key === undefined) held.close()
    }
  }
}

/** The key of a draft, from before it is linked into queue/ until it is there to stay. */
export class DraftKey {
  readonly #queue: QueueContext
  readonly #draft: Draft
  readonly #held: HeldKey
  readonly #superseded: readonly Superseded[]
  #id: string | undefined

  constructor(queue: QueueContext, draft: Draft, held: HeldKey) {
    this.#queue = queue
    this.#draft = draft
    this.#held = held
    const superseded: Superseded[] = []
    this.#superseded = superseded
    try {
      for (const item of held.items) {
        const old = claimSuperseded(queue, item)
        if (old !== undefined) superseded.push(old)
      }
      draft.linkAs(held.path(draft.name))
    } catch (error) {
      for (const old of superseded) old.close()
      throw error
    }
  }

  /** Makes the key last, before its item can. */
  async sync(): Promise<void> {
    await this.#held.sync()
  }

  /** Removes what the draft, which is in queue/ to stay under that name, replaces. */
  async settle(id: string): Promise<void> {
    try {
      for (const old of this.#superseded) old.remove()
    } catch (error) {
      this.#draft.unlink(this.#queue.paths.queue)
      throw error
    }
    this.#id = id
    if (this.#superseded.length === 0 || this.#queue.settings.durability === 'none') return
    // It is gone, and the new one is there to stay: the loss of power may bring it back, no more.
    await syncDirectory(this.#queue.paths.queue).catch(() => undefined)
  }

  /** Gives up the key once the draft is discarded: with its item, or without. */
  release(): void {
    for (const old of this.#superseded) old.close()
    try {
      if (this.#id === undefined) this.#held.clear()
      else this.#giveTo(this.#id)
    } catch {
      // A link without an item keeps nobody from the key.
    } finally {
      this.#held.close()
    }
  }

  /** The key is the new item's alone, by the name that it has in queue/. */
  #giveTo(id: string): void {
    for (const { path } of this.#held.items) unlink(path)
    this.#held.rename(this.#draft.name, toByteString(id, this.#queue.writing.charset))
  }
}
