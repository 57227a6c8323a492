import { FsqError } from '../errors.js'
import { UsageError } from './usage-error.js'

/** Where NATS is, and who we are there, as far as URLs say so. */
export interface NatsServers {
  readonly servers?: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

/**
 * The servers of `--server` or of NATS_URL. In the variable a URL may have a user and a password, or a
 * token; on a command line, which every user of the machine can read, it may not.
 */
export function natsServers(flag: string | undefined, variable: string | undefined): NatsServers {
  if (flag !== undefined) {
    const read = readServers(flag)
    if (read === undefined) throw new UsageError(`--server: ${expected}`)
    if (read.user !== undefined || read.token !== undefined)
      throw new UsageError(
        '--server: everybody sees a password or a token on a command line; NATS_URL may have one',
      )
    return read
  }
  if (variable === undefined || variable === '') return {}
  const read = readServers(variable)
  if (read === undefined) throw new FsqError('FSQ_ENV', `NATS_URL: ${expected}`)
  return read
}

/** Says nothing of what was given: it may have a password. */
const expected = 'Expected URLs such as nats://HOST:4222 or tls://HOST, with commas between'

function readServers(text: string): NatsServers | undefined {
  const servers: string[] = []
  let secrets: Omit<NatsServers, 'servers'> = {}
  for (const part of text.split(',').map((each) => each.trim())) {
    const url = parse(part)
    if (url === undefined) return undefined
    servers.push(`${url.protocol}//${url.host}`)
    if (url.username === '') continue
    const name = decodeURIComponent(url.username)
    secrets =
      url.password === ''
        ? { token: name }
        : { user: name, password: decodeURIComponent(url.password) }
  }
  return { servers, ...secrets }
}

function parse(text: string): URL | undefined {
  try {
    const url = new URL(text.includes('://') ? text : `nats://${text}`)
    // One that it would take for a path or a query would get lost.
    const isWhole = /^\/?$/.test(url.pathname) && url.search === '' && url.hash === ''
    const isKnown = ['nats:', 'tls:'].includes(url.protocol)
    decodeURIComponent(url.username + url.password)
    return isKnown && isWhole && url.hostname !== '' ? url : undefined
  } catch {
    return undefined
  }
}
