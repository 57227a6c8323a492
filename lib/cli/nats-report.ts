import type { NatsEvent } from '../adapters/jetstream/index.js'
import type { Call } from './command.js'

/**
 * Says what became of items, of one or of several queues at once: what went well only with --verbose.
 * Queues share their connection, so that it is away is said once for all of them, and not with each retry.
 */
export function natsReport({
  say,
  chirp,
}: Pick<Call<object>, 'say' | 'chirp'>): (queue: string, event: NatsEvent) => void {
  const away = new Map<string, string>() // By queue: why.
  const isSaid = (why: string): boolean => [...away.values()].includes(why)
  return (queue, event) => {
    switch (event.type) {
      case 'away': {
        const why = event.error.message
        if (!isSaid(why)) say(`${why}; it is tried again until it is back`)
        away.set(queue, why)
        break
      }
      case 'back': {
        const why = away.get(queue)
        away.delete(queue)
        if (why !== undefined && !isSaid(why)) say('NATS is back')
        break
      }
      case 'down':
      case 'up':
        say(`${queue} is ${event.type}`)
        break
      case 'fenced':
        say(`${queue}: cut off from NATS for so long that others may have its items; it waits`)
        break
      case 'unfenced':
        say(`${queue} goes on`)
        break
      case 'full':
        say(`${queue} is full; no more is taken until there is room`)
        break
      case 'room':
        say(`there is room in ${queue}`)
        break
      case 'idle':
        chirp(`${queue}: nothing left for now`)
        break
      case 'refused':
        say(`${queue}: ${event.id}: ${event.error.message}; failed permanently`)
        break
      case 'dead':
      case 'error':
        say(`${queue}: ${event.error.message}`)
        break
      case 'repeated':
        chirp(`${queue}: ${event.id}: was there already`)
        break
      default:
        chirp(`${queue}: ${event.id}: ${event.type}`)
    }
  }
}
