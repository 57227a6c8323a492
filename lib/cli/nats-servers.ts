import { type NatsServers, readServers } from '../adapters/jetstream/servers.js'
import { FsqError } from '../errors.js'
import { UsageError } from './usage-error.js'

/**
 * The servers of `--server` or of NATS_URL. In the variable a URL may have a user and a password, or a
 * token; on a command line, which every user of the machine can read, it may not.
 */
export function natsServers(
  flag: string | undefined,
  variable: string | undefined,
): Partial<NatsServers> {
  if (flag !== undefined) {
    const found = read(flag)
    if (found === undefined) throw new UsageError(`--server: ${expected}`)
    if (found.user !== undefined || found.token !== undefined)
      throw new UsageError(
        '--server: everybody sees a password or a token on a command line; NATS_URL may have one',
      )
    return found
  }
  if (variable === undefined || variable === '') return {}
  const found = read(variable)
  if (found === undefined) throw new FsqError('FSQ_ENV', `NATS_URL: ${expected}`)
  return found
}

/** Says nothing of what was given: it may have a password. */
const expected = 'Expected URLs such as nats://HOST:4222 or tls://HOST, with commas between'

function read(text: string): NatsServers | undefined {
  return readServers(text.split(',').map((each) => each.trim()))
}
