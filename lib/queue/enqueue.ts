import type { Argument } from '../name/encode.js'
import { all } from '../all.js'
import { turn } from '../turn.js'
import { type Body, releaseBody } from './body.js'
import type { QueueContext } from './context.js'
import {
  checkKeyOptions,
  checkOrderOptions,
  Draft,
  type EnqueueOptions,
  enqueueOptions,
} from './draft.js'
import { checkMembers } from '../members.js'
import { failure } from './failure.js'
import { claimKey, type KeyClaim, presentItem } from './keyed-draft.js'
import { withNumbers } from './numbered.js'
import { publish } from './publish.js'

/*
 * Enqueue, fsq(7). What a crash leaves after each step:
 *
 *   1. open tmp/NAME with O_CREAT|O_EXCL    a stale file in tmp/
 *   2. write the body, fsync the file       a stale file in tmp/
 *   3. link tmp/NAME to queue/NAME          the item in queue/, one inode in both places
 *   4. fsync queue/                         the same, and now the item survives a power cut
 *   5. unlink tmp/NAME                      the item in queue/
 *   6. tell the caller
 *
 * Nothing in queue/ is ever incomplete, and nothing that the caller was told of is ever missing.
 * Whatever fails before 6 is undone. Enqueues at the same time do 3 together, and share the fsync of 4; with the
 * durability `none` there is no fsync at all. What an enqueue with a key does besides is in
 * keyed-draft.ts, and what one does that gets a number in numbered.ts.
 */

/**
 * Puts an item into the queue and returns its name once it is there to stay.
 *
 * @throws {@link FsqError} `FSQ_ENQUEUE` and the codes that say it closer: `FSQ_NO_QUEUE`,
 * `FSQ_NAME_TOO_LONG`, `FSQ_COERCE`, `FSQ_ENCODE`, `FSQ_DUPLICATE`, `FSQ_ID_TAKEN`, `FSQ_ID_BUSY`,
 * `FSQ_NO_USER`, `FSQ_NO_GROUP`, `FSQ_BODY`. In each case nothing was enqueued and nothing is left behind.
 */
export async function enqueueItem(
  queue: QueueContext,
  body: Body,
  args: readonly Argument[],
  options: EnqueueOptions = {},
): Promise<string> {
  const { signal } = options
  checkMembers('an option of enqueue', options, enqueueOptions)
  checkKeyOptions(options)
  checkOrderOptions(options)
  if (options.onDuplicate !== undefined && options.id === undefined)
    throw new TypeError('Expected an `id` beside `onDuplicate`')
  try {
    signal?.throwIfAborted()
    const hasKey = options.id !== undefined
    const present = hasKey ? await presentItem(queue, options) : undefined
    if (present !== undefined) return present
    const draft = await Draft.write(queue, body, args, options)
    let claim: KeyClaim = {}
    try {
      if (hasKey) claim = await claimKey(queue, draft, options, true)
      const { key } = claim
      if (claim.present !== undefined) return claim.present
      if (queue.settings.durability === 'none') await turn()
      else if (key === undefined) await draft.sync()
      else await all([draft.sync(), key.sync()])
      const id = await published(queue, draft, options)
      await key?.settle(id)
      return id
    } finally {
      draft.discard()
      claim.key?.release()
    }
  } catch (error) {
    throw failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  } finally {
    if (typeof body === 'object') releaseBody(body)
  }
}

/** Steps 3 and 4; the name in queue/. */
async function published(
  queue: QueueContext,
  draft: Draft,
  { ordered, signal }: EnqueueOptions,
): Promise<string> {
  const link = async (number?: bigint): Promise<string> =>
    publish(
      queue,
      () => {
        signal?.throwIfAborted()
        return draft.link(number)
      },
      (directory) => {
        draft.unlink(directory)
      },
    )
  if (ordered !== true) return link()
  let id = ''
  const make = async (number: bigint): Promise<number> => {
    id = await link(number)
    return 1
  }
  await withNumbers(queue, 1, make, signal)
  return id
}
