import { nextInSequence } from '../queue/sequence-file.js'
import type { SkippedEvent } from '../queue/scan-events.js'
import type { JobEvent } from '../work/events.js'
import type { Call } from './command.js'
import { formatTime } from './times.js'

/** Says what became of an item: what went well only with --verbose. */
export function reportJob(
  event: JobEvent,
  { say, chirp }: Pick<Call<object>, 'say' | 'chirp'>,
): void {
  const { id } = event
  switch (event.type) {
    case 'claimed':
      chirp(`working on ${id} ...`)
      break
    case 'malformed':
      say(`${id}: malformed (${event.error.message}); failed permanently`)
      break
    case 'expired':
    case 'exhausted':
    case 'error':
      say(event.error.message)
      break
    case 'done':
      chirp(`${id}: succeeded`)
      break
    case 'retried':
      if (event.error !== undefined) say(event.error.message)
      say(`${id}: failed temporarily`)
      break
    case 'failed':
      if (event.error !== undefined) say(event.error.message)
      say(event.outcome.reason?.message ?? `${id}: failed permanently`)
      break
    case 'waiting':
      say(`waits for ${event.sequence} since ${formatTime(event.since)}`)
      break
    case 'skipped':
      say(`${skippedNumbers(event)} did not come since ${formatTime(event.since)}; given up`)
      break
    case 'left':
      if (event.error !== undefined && event.error.code !== 'FSQ_STOPPED') say(event.error.message)
  }
}

function skippedNumbers({ sequence, next }: SkippedEvent): string {
  const last = nextInSequence(next, -1n)
  return last === sequence ? `${sequence}` : `${sequence} to ${last}`
}
