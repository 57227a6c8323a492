import type { JobEvent } from '../work/events.js'
import type { Call } from './command.js'

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
    case 'left':
      if (event.error !== undefined && event.error.code !== 'FSQ_STOPPED') say(event.error.message)
  }
}
