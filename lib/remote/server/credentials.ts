import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Caller } from './caller.js'
import { Refusal } from './refusal.js'
import type { Tokens } from './tokens.js'

/**
 * Who sends a request. Where there are tokens, it has one of them: as `Bearer TOKEN`, or as the password
 * of HTTP's Basic, under any user name, since the Python fsq cannot do otherwise.
 *
 * @throws {@link Refusal} 401
 */
export function callerOf(request: IncomingMessage, tokens: Tokens | undefined): Caller {
  if (tokens === undefined) return { name: certifiedName(request), queues: undefined }
  const token = tokenIn(request.headers.authorization)
  const caller = token === undefined ? undefined : tokens.find(token)
  if (caller !== undefined) return caller
  throw new Refusal(401, token === undefined ? 'a token is needed' : 'the token is not known', {
    headers: { 'WWW-Authenticate': 'Bearer realm="fsq", Basic realm="fsq"' },
  })
}

function tokenIn(header = ''): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +([!-~]+) *$/i.exec(header) ?? []
  if (scheme === '') return undefined
  if (scheme.toLowerCase() === 'bearer') return value
  const pair = Buffer.from(value, 'base64').toString('latin1')
  return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : undefined
}

/** The name in the certificate of a client, which was verified when it connected. */
function certifiedName({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  // Without a certificate there is an empty object, which the types do not know of.
  const subject = socket.getPeerCertificate().subject as { CN?: string | string[] } | undefined
  return Array.isArray(subject?.CN) ? subject.CN.join(', ') : subject?.CN
}
