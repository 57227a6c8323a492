import type { RequestEvent } from '../remote/server/request-event.js'
import { jsonLine, plainText } from './output.js'

/** A request as a line of the access log: JSON, or `name=value` pairs. */
export function accessLine(event: RequestEvent, format: 'json' | 'text'): string {
  if (format === 'json') return jsonLine({ ...event, seconds: Number(event.seconds.toFixed(6)) })
  const { time, seconds, error, ...rest } = event
  const { code, message } = error ?? {}
  const fields = {
    time: time.toISOString(),
    ...rest,
    seconds: seconds.toFixed(3),
    error: code,
    message,
  }
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined)
  return `${pairs.map(([name, value]) => `${name}=${written(String(value))}`).join(' ')}\n`
}

/** A value of one word as it is, any other in quotes; what could steer a terminal as an escape. */
function written(value: string): string {
  if (/^[!#-<>-~]+$/.test(value)) return value
  return plainText(JSON.stringify(value))
}
