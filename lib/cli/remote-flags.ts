import type { Command } from 'commander'
import { FsqError, reasonOf } from '../errors.js'
import { readPrivateFile, readWhole } from '../posix/private-file.js'
import { openRemote, type Remote } from '../remote/remote.js'
import { UsageError } from './usage-error.js'
import { duration, oneOf } from './values.js'

/** The flags by which a remote is reached. */
export interface RemoteFlags {
  readonly tokenFile?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly timeout?: number
}

/** Adds them. */
export function remoteFlags(command: Command): Command {
  return command
    .option('-p, --protocol <name>', 'the protocol: jsonrpc (default)', oneOf(['jsonrpc']))
    .option('--token-file <file>', 'the token by which the remote knows us (FSQ_TOKEN_FILE)')
    .option('--ca <file>', 'trust the authorities whose certificates are in the file')
    .option('--cert <file>', 'show the certificate that is in the file')
    .option('--key <file>', 'the key of that certificate')
    .option('--timeout <duration>', 'how long the remote may keep silent (default: 60s)', duration)
}

/** Opens the remote that an operand names. */
export function remoteOf(address: string, flags: RemoteFlags, connections: number): Remote {
  const { timeout, cert, key } = flags
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key go together')
  if (timeout === 0) throw new UsageError('--timeout: the remote needs a moment at least')
  const tokenFile = flags.tokenFile ?? process.env['FSQ_TOKEN_FILE']
  const options = {
    token: tokenFile === undefined || tokenFile === '' ? undefined : readToken(tokenFile),
    tls: { ca: readPem(flags.ca), cert: readPem(cert), key: readPem(key) },
    timeout,
    connections,
  }
  try {
    return openRemote(address, options)
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
}

/** The first token of a file in the form that a server has: `TOKEN [QUEUE...]`, # begins a comment. */
function readToken(path: string): string {
  const wrong = (why: string, cause?: unknown): FsqError =>
    new FsqError('FSQ_TOKENS', `cannot use the token of ${path}: ${why}`, { path, cause })
  const text = ((): string => {
    try {
      return readPrivateFile(path)
    } catch (error) {
      throw wrong(reasonOf(error), error)
    }
  })()
  const lines = text.split('\n').map((line) => line.trim())
  const [token = ''] = lines.find((line) => /^[^#]/.test(line))?.split(/\s/) ?? []
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw wrong('there is no line in it that begins with one, of printable ASCII')
}

function readPem(path: string | undefined): Buffer | undefined {
  try {
    return path === undefined ? undefined : readWhole(path)
  } catch (cause) {
    throw new FsqError('FSQ_REMOTE', `cannot read ${path ?? ''}: ${reasonOf(cause)}`, { cause })
  }
}
