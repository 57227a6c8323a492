import type { Argument } from '../name/encode.js'
import { turn } from '../turn.js'
import { type Body, releaseBody } from './body.js'
import type { QueueContext } from './context.js'
import { Draft, type EnqueueOptions, enqueueOptions } from './draft.js'
import { checkMembers } from '../members.js'
import { failure } from './failure.js'
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
 * Whatever fails before 6 is undone. Enqueues at the same time share the fsync of 4; with the
 * durability `none` there is no fsync at all.
 */

/**
 * Puts an item into the queue and returns its name once it is there to stay.
 *
 * @throws {@link FsqError} `FSQ_ENQUEUE` and the codes that say it closer: `FSQ_NO_QUEUE`,
 * `FSQ_NAME_TOO_LONG`, `FSQ_COERCE`, `FSQ_ENCODE`, `FSQ_DUPLICATE`, `FSQ_NO_USER`,
 * `FSQ_NO_GROUP`, `FSQ_BODY`. In each case nothing was enqueued and nothing is left behind.
 */
export async function enqueueItem(
  queue: QueueContext,
  body: Body,
  args: readonly Argument[],
  options: EnqueueOptions = {},
): Promise<string> {
  const { signal } = options
  checkMembers('an option of enqueue', options, enqueueOptions)
  try {
    signal?.throwIfAborted()
    const draft = await Draft.write(queue, body, args, options)
    try {
      if (queue.settings.durability === 'none') await turn()
      else await draft.sync()
      signal?.throwIfAborted()
      return await publish(
        queue,
        () => draft.link(),
        (directory) => {
          draft.unlink(directory)
        },
      )
    } finally {
      draft.discard()
    }
  } catch (error) {
    throw failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  } finally {
    if (typeof body === 'object') releaseBody(body)
  }
}
