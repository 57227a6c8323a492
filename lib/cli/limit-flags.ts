import { setting, timeToLive } from './values.js'

/*
 * The limits of items, as `option` of commander takes them.
 */

/** After how many tries items fail. */
export const maxTriesFlag = [
  '-m, --max-tries <n>',
  'fail items after n tries; 0 for none (default: 1)',
  setting('maxTries'),
] as const

/** At what age they do. */
export const ttlFlag = [
  '-t, --ttl <duration>',
  'fail items that are so old; 0 for none',
  timeToLive,
] as const
