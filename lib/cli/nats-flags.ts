import type { Command } from 'commander'
import {
  type JetStream,
  type JetStreamOptions,
  openJetStream,
} from '../adapters/jetstream/index.js'
import { FsqError, reasonOf } from '../errors.js'
import { readPrivateFile, readWhole } from '../posix/private-file.js'
import { natsServers } from './nats-servers.js'
import { UsageError } from './usage-error.js'
import { interval } from './values.js'
import { version } from './version.js'

/** The flags by which NATS is reached, named as those of the program nats. */
export interface NatsFlags {
  readonly server?: string
  readonly creds?: string
  readonly nkey?: string
  readonly user?: string
  readonly tokenFile?: string
  readonly tlscert?: string
  readonly tlskey?: string
  readonly tlsca?: string
  readonly tlsfirst?: true
  readonly jsDomain?: string
  readonly timeout?: number
}

/** Adds them. */
export function natsFlags(command: Command): Command {
  return command
    .option('-s, --server <url>', 'the servers, with commas between (NATS_URL)')
    .option('--creds <file>', 'a credentials file (NATS_CREDS)')
    .option('--nkey <file>', 'the seed of an NKey (NATS_NKEY)')
    .option('--user <name>', 'a user, whose password is NATS_PASSWORD (NATS_USER)')
    .option('--token-file <file>', 'a token (NATS_TOKEN is one)')
    .option('--tlscert <file>', 'show the certificate that is in the file (NATS_CERT)')
    .option('--tlskey <file>', 'the key of that certificate (NATS_KEY)')
    .option('--tlsca <file>', 'trust the authorities in the file alone (NATS_CA)')
    .option('--tlsfirst', 'TLS from the first byte on')
    .option('--js-domain <name>', 'the JetStream domain')
    .option('--timeout <duration>', 'how long an answer may take (default: 5s)', interval)
}

/** Does something with NATS, as the flags and the environment name it; it is let go of afterwards. */
export async function withNats<T>(
  flags: NatsFlags,
  act: (jetstream: JetStream) => Promise<T>,
): Promise<T> {
  const jetstream = openJetStream(optionsOf(flags))
  try {
    return await act(jetstream)
  } catch (error) {
    // A value that only the library knows to be wrong, such as 7 replicas.
    throw error instanceof TypeError ? new UsageError(error.message, error) : error
  } finally {
    await jetstream.close()
  }
}

function optionsOf(flags: NatsFlags, env = process.env): JetStreamOptions {
  const of = (flag: string | undefined, variable: string): string | undefined =>
    flag ?? (env[variable] === '' ? undefined : env[variable])
  const { servers, ...inUrl } = natsServers(flags.server, env['NATS_URL'])
  const cert = of(flags.tlscert, 'NATS_CERT')
  const key = of(flags.tlskey, 'NATS_KEY')
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tlscert and --tlskey (NATS_CERT and NATS_KEY) go together')
  const ca = of(flags.tlsca, 'NATS_CA')
  const first = flags.tlsfirst === true
  const user = of(flags.user, 'NATS_USER')
  return {
    ...inUrl,
    servers,
    creds: secretOf(of(flags.creds, 'NATS_CREDS')),
    nkey: secretOf(of(flags.nkey, 'NATS_NKEY')),
    ...(user === undefined ? {} : { user, password: env['NATS_PASSWORD'] }),
    token: tokenOf(flags, env) ?? inUrl.token,
    domain: flags.jsDomain,
    timeout: flags.timeout,
    name: `fsq ${version()}`,
    tls:
      first || ca !== undefined || cert !== undefined
        ? { ca: readPem(ca), cert: readPem(cert), key: secretOf(key), first }
        : undefined,
  }
}

function tokenOf({ tokenFile }: NatsFlags, env: NodeJS.ProcessEnv): string | undefined {
  if (tokenFile === undefined) return env['NATS_TOKEN'] === '' ? undefined : env['NATS_TOKEN']
  const token = secretOf(tokenFile)?.trim()
  if (token !== '') return token
  throw new FsqError('FSQ_NATS', `cannot use ${tokenFile}: it is empty`, { path: tokenFile })
}

function secretOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : read(path, readPrivateFile)
}

function readPem(path: string | undefined): Buffer | undefined {
  return path === undefined ? undefined : read(path, readWhole)
}

function read<T>(path: string, readFile: (path: string) => T): T {
  try {
    return readFile(path)
  } catch (cause) {
    throw new FsqError('FSQ_NATS', `cannot use ${path}: ${reasonOf(cause)}`, { path, cause })
  }
}
