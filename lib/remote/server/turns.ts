import type { Socket } from 'node:net'

/*
 * Node.js hands over every request that it finds in what a connection brings, whether or not those before
 * it are answered. Served at once, the many small ones that a single connection can bring would take all
 * of the memory and of the descriptors. So they are served one after another, and nothing more is read
 * from the connection while one waits: those that wait are from the last piece that was read.
 */

/** A connection of which a request is being served, and others may wait. */
interface Line {
  readonly waiting: (() => Promise<void>)[]
  /** Keeps the connection from being read; there while it is not. */
  hold?: (() => void) | undefined
}

/** Has the requests of each connection wait for those before them. */
export class Turns {
  readonly #lines = new Map<Socket, Line>()
  readonly #onIdle: (socket: Socket) => void

  /** @param onIdle - is told when all requests of a connection are answered */
  constructor(onIdle: (socket: Socket) => void) {
    this.#onIdle = onIdle
  }

  /** Whether a request of the connection is being served. */
  isServed(socket: Socket): boolean {
    return this.#lines.has(socket)
  }

  /**
   * Serves a request when those before it are answered, and not at all where no answer can be sent then.
   *
   * @param serve - never rejects
   */
  take(socket: Socket, serve: () => Promise<void>): void {
    const line = this.#lines.get(socket)
    if (line === undefined) {
      void this.#serve(socket, serve)
    } else {
      line.waiting.push(serve)
      hold(socket, line)
    }
  }

  async #serve(socket: Socket, first: () => Promise<void>): Promise<void> {
    const line: Line = { waiting: [] }
    this.#lines.set(socket, line)
    let next: (() => Promise<void>) | undefined = first
    while (next !== undefined) {
      await next()
      next = socket.writable ? line.waiting.shift() : undefined
      // The last one may be there in part only; the others are there as a whole.
      if (line.waiting.length === 0) release(socket, line)
    }
    this.#lines.delete(socket)
    this.#onIdle(socket)
  }
}

/** Also where a resume is on its way: Node.js then reads on, although it was paused meanwhile. */
function hold(socket: Socket, line: Line): void {
  if (line.hold !== undefined) return
  line.hold = () => {
    socket.pause()
    socket.emit('pause') // Which is what stops it; for one that is paused, pause() does not.
  }
  socket.on('resume', line.hold)
  line.hold()
}

function release(socket: Socket, line: Line): void {
  if (line.hold === undefined) return
  socket.off('resume', line.hold)
  line.hold = undefined
  socket.resume()
}
