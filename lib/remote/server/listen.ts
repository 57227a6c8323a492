import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import type { Server as NetServer } from 'node:net'
import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { clearSocket, setSocketMode, withPrivateUmask } from '../../posix/socket-file.js'
import { isLoopback } from './loopback.js'

/** Where a server listens: at a port of an address, or at a unix socket. */
export type ListenAddress =
  | {
      /** The name or the address of the interface. */
      readonly host: string
      /** The port; 0 for one that is free. */
      readonly port: number
    }
  | {
      /** The path of the socket. One that nobody listens on any more is replaced. */
      readonly socket: string
      /** Its mode: who may write to it may connect. @defaultValue `0o600` */
      readonly mode?: number | undefined
      /** @internal Whether another process makes it, of which this one is a worker. */
      readonly shared?: boolean | undefined
    }

type SocketAddress = Extract<ListenAddress, { readonly socket: string }>

/** The mode of a socket where nobody says otherwise. */
export const socketMode = 0o600

/** Listens; `scheme` is that of the URL which comes back. */
export async function listen(
  server: NetServer,
  address: ListenAddress,
  scheme: string,
  guarded: boolean,
): Promise<string> {
  try {
    return 'socket' in address
      ? await listenToSocket(server, address)
      : await listenToPort(server, address.host, address.port, scheme, guarded)
  } catch (error) {
    throw listenFailure(whereOf(address), error)
  }
}

/**
 * Makes way for a socket.
 *
 * @throws {@link FsqError} `FSQ_LISTEN`
 */
export async function prepareSocket(path: string): Promise<void> {
  try {
    await clearSocket(path)
  } catch (error) {
    throw listenFailure(path, error)
  }
}

/**
 * Gives a socket that is listened to its mode.
 *
 * @throws {@link FsqError} `FSQ_LISTEN`
 */
export function openSocket(path: string, mode: number): void {
  try {
    setSocketMode(path, mode)
  } catch (error) {
    throw listenFailure(path, error)
  }
}

async function listenToSocket(
  server: NetServer,
  { socket: path, mode = socketMode, shared = false }: SocketAddress,
): Promise<string> {
  if (!shared) await clearSocket(path)
  const listening = once(server, 'listening')
  withPrivateUmask(() => server.listen(path))
  await listening
  try {
    if (!shared) setSocketMode(path, mode)
  } catch (error) {
    server.close()
    throw error
  }
  return `unix://${path}`
}

async function listenToPort(
  server: NetServer,
  host: string,
  port: number,
  scheme: string,
  guarded: boolean,
): Promise<string> {
  // What is looked at is what is listened to: a name may mean something else the next time.
  const { address, family } = await lookup(host)
  if (!guarded && !isLoopback(address)) throw unguarded(host)
  const listening = once(server, 'listening')
  server.listen({ host: address, port })
  await listening
  const bound = server.address()
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port
  return `${scheme}://${family === 6 ? `[${address}]` : address}:${actual}/`
}

function unguarded(host: string): FsqError {
  return new FsqError(
    'FSQ_LISTEN',
    `refusing to listen on ${host}, which others than this machine can reach: a queue runs programs, ` +
      'so who may enqueue may run them. Say who may, by tokens (--token-file) or by certificates ' +
      '(--client-ca); or that anybody may (--insecure)',
  )
}

function whereOf(address: ListenAddress): string {
  return 'socket' in address ? address.socket : `${address.host}, port ${address.port}`
}

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENAMETOOLONG: 'the path of a socket has 107 bytes at most',
  ENOENT: 'there is no such directory',
  ENOTSOCK: 'there is something else than a socket',
  ENOTFOUND: 'there is no such host',
}

function listenFailure(where: string, cause: unknown): FsqError {
  if (cause instanceof FsqError) return cause
  const reason = words[errnoOf(cause) ?? ''] ?? reasonOf(cause)
  return new FsqError('FSQ_LISTEN', `cannot listen on ${where}: ${reason}`, { cause })
}
