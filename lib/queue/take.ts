import { errnoOf, FsqError } from '../errors.js'
import { reasonWithPlace } from '../posix/denied.js'
import { close } from '../posix/files.js'
import { type Claim, claimEntry, type ClaimOptions } from './claim.js'
import type { QueueContext } from './context.js'
import { failure } from './failure.js'
import { spent } from './finish.js'
import type { Item } from './item.js'
import { setAsideMalformed } from './malformed.js'
import { printableName } from './printable.js'
import type { ItemEvent, ScanEvent } from './scan-events.js'

/** What came of an entry: an item to work on, or why there is none. */
export type Taken = { readonly item: Item } | Skipped

/** Why there is none. */
export type Skipped = Extract<Claim, { skipped: unknown }> | { readonly skipped: 'reported' }

/**
 * Takes an entry of queue/ to work on it. What is malformed, expired or exhausted is moved to fail/ and
 * reported, as is what cannot be used. Only that takes time: an ordinary claim waits for nobody.
 */
export function takeEntry(
  queue: QueueContext,
  entry: string,
  options: ClaimOptions,
  onEvent: ((event: ScanEvent) => void) | undefined,
): Taken | Promise<Skipped> {
  const about = (): ItemEvent => ({
    queue: queue.name,
    id: printableName(entry, queue.reading.charset),
  })
  try {
    const claim = claimEntry(queue, entry, options)
    if ('skipped' in claim) return claim
    if ('malformed' in claim) return reporting(setAside(claim))
    const error = spent(claim.item, options.limits, queue.clock.now())
    return error === undefined ? claim : reporting(failSpent(claim.item, error))
  } catch (error) {
    reportError(error)
    return { skipped: 'reported' }
  }

  async function reporting(action: Promise<void>): Promise<Skipped> {
    await action.catch(reportError)
    return { skipped: 'reported' }
  }

  async function setAside({
    malformed,
    fd,
  }: Extract<Claim, { malformed: unknown }>): Promise<void> {
    try {
      if (await setAsideMalformed(queue, entry))
        onEvent?.({ ...about(), type: 'malformed', error: malformed })
    } finally {
      if (fd !== undefined) close(fd)
    }
  }

  async function failSpent(item: Item, error: FsqError): Promise<void> {
    try {
      const outcome = await item.failPerm()
      const type = error.code === 'FSQ_MAX_TRIES' ? 'exhausted' : 'expired'
      onEvent?.({ ...about(), type, error, outcome })
    } finally {
      item.close()
    }
  }

  /** One bad entry must not keep the others from being worked on. */
  function reportError(error: unknown): void {
    if (isAboutProcess(error)) throw failure('FSQ_SCAN', `cannot scan ${queue.name}`, error, queue)
    const { id } = about()
    const attempt = `cannot use item ${id} of ${queue.name}`
    const message = `${attempt}: ${reasonWithPlace(error, attempt)}`
    const reported =
      error instanceof FsqError ? error : new FsqError('FSQ_SCAN', message, { cause: error, id })
    onEvent?.({ ...about(), type: 'error', error: reported })
  }
}

/** Failures that the next item would meet as well. */
function isAboutProcess(error: unknown): boolean {
  if (error instanceof FsqError) return error.code === 'FSQ_UNSUPPORTED' || error.code === 'FSQ_ENV'
  const errno = errnoOf(error)
  return errno === undefined || ['EMFILE', 'ENFILE', 'ENOMEM'].includes(errno)
}
