import type { ServiceEvent } from '../adapters/nxqueue/index.js'
import type { Call } from './command.js'
import { reportJob } from './job-report.js'
import { jsonLine, print } from './output.js'

/** Tells of what a server does: on stderr, or each event as a line of JSON on stdout. */
export function serviceReport(
  call: Pick<Call<object>, 'say' | 'chirp'>,
  asJson: boolean,
): (event: ServiceEvent) => void {
  if (asJson)
    return (event) => {
      void print(logLine(event)).catch(() => undefined)
    }
  return (event) => {
    report(event, call)
  }
}

function report(event: ServiceEvent, { say, chirp }: Pick<Call<object>, 'say' | 'chirp'>): void {
  switch (event.type) {
    case 'master':
      say(`we are master, reign ${event.epoch}`)
      break
    case 'client':
      say('we are not master')
      break
    case 'pass':
      chirp(
        `pass: ${event.launched} of ${event.ready} launched, ${event.milliseconds.toFixed(1)} ms`,
      )
      break
    case 'launched': {
      const { jobID, server, volume, drive } = event
      const on = volume === undefined ? '' : `, volume ${volume}`
      chirp(`${jobID} launched to ${server}${on}${drive === undefined ? '' : `, drive ${drive}`}`)
      break
    }
    case 'returned':
      say(`${event.id} waits again: ${event.why}`)
      break
    case 'held':
      say(
        `${event.jobID} was running on ${event.server}, which is gone; "fsq nxqueue release ` +
          `${event.jobID}" once it is certain that it does not run`,
      )
      break
    case 'present':
      say(`${event.server} is there`)
      break
    case 'absent':
      say(`${event.server} is gone`)
      break
    case 'inventory':
      say(`the inventory has the servers ${event.servers.join(', ')}`)
      break
    case 'trouble':
      say(event.id === undefined ? event.error.message : `${event.id}: ${event.error.message}`)
      break
    case 'down':
    case 'up':
      say(`${event.queue} is ${event.type}`)
      break
    case 'idle':
      break
    default:
      if (event.type === 'error' && event.id === undefined) say(event.error.message)
      else reportJob(event, { say, chirp })
  }
}

function logLine(event: ServiceEvent): string {
  const { type, ...rest } = event
  const error = 'error' in event && event.error
  const failure = error && { error: { code: error.code, message: error.message } }
  return jsonLine({ time: new Date().toISOString(), type, ...rest, ...failure })
}
