import type { Server as NetServer, Socket } from 'node:net'

/*
 * The open connections. Where there are as many as may be, a new one takes the place of the one that has
 * been without a request for the longest: a client that has something to say says it at once, and who
 * opens many connections to keep others out loses them to those.
 */

/** What tells a connection apart: with TLS there are two sockets for it. */
type Key = Socket | string

/** The connections of a server. */
export class Connections {
  readonly #most: number
  readonly #onDrop: (socket: Socket) => void
  /** In the order in which they became idle. */
  readonly #idle = new Map<Key, Socket>()
  readonly #serving = new Map<Key, Socket>()

  constructor(most: number, onDrop: (socket: Socket) => void) {
    this.#most = most
    this.#onDrop = onDrop
  }

  /** Looks after the connections of a server, which is told only of those that there is room for. */
  watch(server: NetServer): void {
    // It would serve what comes on a connection that is dropped, until that is closed.
    const listeners = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (this.#add(socket)) for (const listener of listeners) listener.call(server, socket)
    })
  }

  /** The connection serves a request, of somebody who may send it, from now on. */
  begin(socket: Socket): void {
    move(keyOf(socket), this.#idle, this.#serving)
  }

  /** It serves none any more. */
  end(socket: Socket): void {
    move(keyOf(socket), this.#serving, this.#idle)
  }

  /** Ends those that serve nothing. */
  closeIdle(): void {
    for (const socket of this.#idle.values()) socket.destroy()
  }

  /** Whether there is room for it. */
  #add(socket: Socket): boolean {
    if (this.#idle.size + this.#serving.size >= this.#most) {
      const [longest] = this.#idle
      if (longest === undefined) {
        this.#onDrop(socket)
        return false
      }
      this.#idle.delete(longest[0])
      longest[1].destroy()
    }
    const key = keyOf(socket)
    this.#idle.set(key, socket)
    socket.once('close', () => {
      for (const each of [this.#idle, this.#serving]) if (each.get(key) === socket) each.delete(key)
    })
    return true
  }
}

function keyOf(socket: Socket): Key {
  const { remoteAddress, remotePort } = socket
  return remotePort === undefined ? socket : `${remoteAddress ?? ''} ${remotePort}`
}

function move(key: Key, from: Map<Key, Socket>, to: Map<Key, Socket>): void {
  const socket = from.get(key)
  if (socket === undefined) return
  from.delete(key)
  to.set(key, socket)
}
