import { deferred } from '../../deferred.js'
import { FsqError } from '../../errors.js'
import {
  createServer,
  type ListenAddress,
  type RequestEvent,
  type Server,
  type ServerOptions,
} from '../../remote/index.js'
import { openSocket, prepareSocket, socketMode } from '../../remote/server/listen.js'
import {
  bodiesTogether,
  largestBody,
  smallestBody,
  usualBody,
  usualConnections,
} from '../../remote/server/server-options.js'
import { accessLine } from '../access-log.js'
import { type Call, defineCommand } from '../command.js'
import { isWorker, obey, report, retire, startWorkers } from '../jsonrpcd-workers.js'
import { complain } from '../output.js'
import { UsageError } from '../usage-error.js'
import { duration, file, oneOf, positive, setting, size } from '../values.js'

interface Flags {
  readonly workers?: number
  readonly trigger?: true
  readonly socket?: string
  readonly socketMode?: number
  readonly tokenFile?: string
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly insecure?: true
  readonly maxBody?: number
  readonly maxItem?: number
  readonly maxConnections?: number
  readonly grace?: number
  readonly log?: 'json' | 'text'
}

export default defineCommand<Flags>({
  operands: 'host port',
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('-w, --workers <n>', 'serve with n processes (default: 1)', positive)
      .option('-t, --trigger', 'pull the trigger of a queue after each item that comes')
      .option('--socket <path>', 'listen on a unix socket, in place of a host and a port', file)
      .option('--socket-mode <mode>', 'the mode of the socket (default: 600)', setting('itemMode'))
      .option('--token-file <file>', 'serve those who have a token of this file')
      .option('--cert <file>', 'speak TLS with this certificate')
      .option('--key <file>', 'and its key')
      .option('--client-ca <file>', 'serve those whose certificates these authorities signed')
      .option('--insecure', 'listen to other machines although anybody may then enqueue')
      .option('--max-body <size>', 'the largest call, in memory (default: 16M)', size)
      .option('--max-item <size>', 'the largest item that is put; 0 for any (default: 0)', size)
      .option('--max-connections <n>', 'the most connections (default: 256)', positive)
      .option('--grace <duration>', 'how long a stop waits for requests (default: 30s)', duration)
      .option('--log <format>', 'the lines about requests: json; or text', oneOf(['json', 'text'])),
  async run(call) {
    const address = addressOf(call)
    const options = optionsOf(call)
    const { workers = 1 } = call.flags
    if (workers > 1 && !isWorker) await supervise(call, address, workers)
    else await (isWorker ? serveAsWorker : serve)(call, address, options)
    return 0
  },
})

function addressOf({ operands, flags }: Call<Flags>): ListenAddress {
  const { socket, socketMode: mode } = flags
  const [host, port, ...more] = operands
  if (socket !== undefined) {
    if (host !== undefined) throw new UsageError('--socket takes the place of a host and a port')
    if (flags.cert !== undefined) throw new UsageError('there is no TLS on a unix socket')
    return { socket, mode, shared: isWorker }
  }
  if (mode !== undefined) throw new UsageError('--socket-mode needs --socket')
  if (host === undefined || port === undefined) throw new UsageError('a host and a port are needed')
  if (more.length > 0) throw new UsageError(`too many arguments: ${more.join(' ')}`)
  if (host === '') throw new UsageError('the host is empty; 0.0.0.0 or :: is every address')
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError(`Expected a port from 0 to 65535, got ${JSON.stringify(port)}`)
  return { host, port: Number(port) }
}

function optionsOf({ flags, say }: Call<Flags>): ServerOptions {
  const { cert, key, clientCa, log = 'text' } = flags
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key go together')
  if (clientCa !== undefined && cert === undefined) throw new UsageError('--client-ca needs --cert')
  const { tokenFile, insecure, trigger, maxBody, maxItem } = flags
  if (maxBody !== undefined && (maxBody < smallestBody || maxBody > largestBody))
    throw new UsageError(
      `--max-body is from ${smallestBody / 1024}K to ${largestBody / 1024 ** 2}M`,
    )
  return {
    tls: cert === undefined || key === undefined ? undefined : { cert, key, clientCa },
    tokenFile,
    insecure,
    trigger,
    maxBody,
    maxItem,
    ...shareOf(flags),
    onRequest: (event: RequestEvent) => {
      complain(accessLine(event, log))
    },
    onError: (error) => {
      say(error instanceof Error ? error.message : String(error))
    },
  }
}

/** What a process may have of what all of them may have together. */
function shareOf(flags: Flags): Required<Pick<ServerOptions, 'maxConnections' | 'maxBodies'>> {
  const { workers = 1, maxConnections: most = usualConnections, maxBody = usualBody } = flags
  if (workers > most)
    throw new UsageError(
      `--workers is at most --max-connections, ${most}: each serves some of them`,
    )
  return {
    maxConnections: Math.floor(most / workers),
    maxBodies: Math.max(maxBody, Math.floor((bodiesTogether * maxBody) / workers)),
  }
}

/** Serves until this process is asked to end. */
async function serve(
  call: Call<Flags>,
  address: ListenAddress,
  options: ServerOptions,
): Promise<void> {
  const { root, flags, say, chirp } = call
  const asked = deferred<undefined>()
  const server = createServer(root(), options)
  const stop = (): void => {
    asked.resolve(undefined)
  }
  const reload = (): void => {
    reloadFiles(server, call)
  }
  // Ctrl-C and SIGHUP of a terminal come to all processes; a worker is told by who supervises it.
  if (isWorker) obey({ stop, reload })
  onSignals(stop, isWorker ? () => undefined : reload)
  const url = await server.listen(address)
  if (isWorker) report({ listening: url })
  else say(`listening on ${url}`)
  await asked.promise
  chirp('ending')
  await server.close({ grace: flags.grace })
}

/** {@link serve}, of a worker: who supervises it says what went wrong. */
async function serveAsWorker(...what: Parameters<typeof serve>): Promise<void> {
  try {
    await serve(...what)
  } catch (error) {
    if (!(error instanceof FsqError)) throw error
    report({ failed: { code: error.code, message: error.message } })
  } finally {
    retire()
  }
}

function reloadFiles(server: Server, { say, chirp }: Call<Flags>): void {
  try {
    server.reload()
    chirp('read tokens and certificates again')
  } catch (error) {
    if (!(error instanceof FsqError)) throw error
    say(`${error.message}; those from before stay`)
  }
}

/** Starts workers, and passes on what this process is asked for. */
async function supervise(
  { say, flags }: Call<Flags>,
  address: ListenAddress,
  count: number,
): Promise<void> {
  if ('socket' in address) {
    await prepareSocket(address.socket)
    process.umask(0o177) // This process makes the socket, and nothing else.
  }
  let known: string | undefined
  const workers = startWorkers(count, say, (url) => {
    if ('socket' in address) openSocket(address.socket, flags.socketMode ?? socketMode)
    if (url !== known) say(`listening on ${url}`)
    known = url
  })
  onSignals(
    () => {
      workers.tell('stop')
    },
    () => {
      workers.tell('reload')
    },
  )
  await workers.listening
  await workers.ended
}

/** A second signal that asks to end ends this process at once. */
function onSignals(stop: () => void, reload: () => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  process.on('SIGHUP', reload)
}
