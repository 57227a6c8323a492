import type { IncomingMessage } from 'node:http'
import { isLoopback } from './loopback.js'
import { Refusal } from './refusal.js'

/*
 * A browser on this machine reaches what listens on loopback, and pages of anybody make it send
 * requests. It tells where they are from (Origin), and cannot send JSON, or PUT, to another site without
 * asking first, which is never answered. A page may have its own name lead to this machine meanwhile
 * (DNS rebinding); then there need be no Origin, but the name is in Host.
 */

/**
 * Looks whether a request may come from a page that a browser shows.
 *
 * @throws {@link Refusal} 403
 */
export function checkNoBrowser({ headers }: IncomingMessage, ownNames?: readonly string[]): void {
  if (headers.origin !== undefined) throw new Refusal(403, 'requests of web pages are not served')
  if (ownNames === undefined || headers.host === undefined) return
  const name = nameIn(headers.host)
  if (name === 'localhost' || isLoopback(name) || ownNames.includes(name)) return
  throw new Refusal(403, 'the Host that was asked for is none of this server')
}

/** The name in a Host header, without the port, and without the brackets of an IPv6 address. */
function nameIn(host: string): string {
  const [, address, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]*)?$/.exec(host) ?? []
  return (address ?? name).toLowerCase()
}
