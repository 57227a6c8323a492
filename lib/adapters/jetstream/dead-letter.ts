import type { FsqError } from '../../errors.js'
import type { Delivery, Outgoing } from './engine.js'
import { readSubject, subjectOf } from './subject.js'

/*
 * A dead letter is the message as it was, under fsq.dead in place of fsq.work, and in headers why:
 *
 *   Fsq-Dead-Code      the code of the error
 *   Fsq-Dead-Reason    its message, percent-encoded
 *   Fsq-Dead-Subject   where the message was
 *   Fsq-Deliveries     how often it had been delivered
 */

/** How much of a reason is kept, in characters, and of the headers that the message had, in bytes. */
const enough = { reason: 300, headers: 4096 }

/** The dead letter for a delivery that is of no use here. */
export function deadLetter(
  delivery: Delivery,
  queue: string,
  host: string | undefined,
  error: FsqError,
): Outgoing {
  const { subject, stream, sequence, deliveries } = delivery
  const known = readSubject(subject)
  return {
    subject: subjectOf('dead', known?.queue ?? queue, known === undefined ? host : known.host),
    messageId: `dead/${stream}/${sequence}`,
    headers: {
      ...headersOf(delivery),
      'Fsq-Dead-Code': error.code,
      'Fsq-Dead-Reason': encodeURIComponent(wellFormed(error.message.slice(0, enough.reason))),
      'Fsq-Dead-Subject': encodeURIComponent(subject),
      'Fsq-Deliveries': String(deliveries),
    },
    body: delivery.body,
  }
}

/** Our own headers, of which no other program makes more than fits. */
function headersOf({ headers }: Delivery): Record<string, string> {
  const kept: Record<string, string> = {}
  let size = 0
  for (const [name, value] of headers) {
    size += name.length + value.length
    if (/^fsq-[a-z-]{1,40}$/.test(name) && size <= enough.headers) kept[title(name)] = value
  }
  return kept
}

/** `fsq-not-before` as `Fsq-Not-Before`. */
function title(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

/** Half a character, where a text was cut, cannot be encoded. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
