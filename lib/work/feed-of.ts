import type { QueueContext } from '../queue/context.js'
import type { ScanEvent } from '../queue/scan-events.js'
import type { Backoff } from './backoff.js'
import { Feed, type ItemFeed } from './feed.js'
import type { KeyLimits } from './key-limits.js'
import { OrderedFeed } from './ordered-feed.js'
import { feedOptions, type LoadOptions } from './work-options.js'

/** What a feed gets from who works. */
export interface FeedSetting {
  readonly backoff?: Backoff | undefined
  /** How many names are held at a time. */
  readonly window: number
  readonly keys: KeyLimits
  readonly onEvent: (event: ScanEvent) => void
  /** Whether the queue is gone through once. @defaultValue false */
  readonly once?: boolean
}

/** How the items of a queue are fed under these options. */
export function feedOf(
  queue: QueueContext,
  options: LoadOptions,
  { backoff, once = false, ...setting }: FeedSetting,
): ItemFeed {
  const own = feedOptions(queue, options, backoff)
  const { gapTimeout, ordered } = options
  if (ordered !== true) return new Feed(queue, { ...own, ...setting, once })
  return new OrderedFeed(queue, { ...own, gapTimeout, once, onEvent: setting.onEvent })
}
