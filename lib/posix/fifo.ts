import { constants, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { getNative } from './native.js'
import { close, setOwnership } from './files.js'
import type { Ownership } from './owner.js'
import type { Path } from './path.js'
import { systemError } from './system-error.js'

const { O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY } = constants

/** Makes a FIFO with exactly that owner and mode. One that is there already gets them too. */
export function makeFifo(path: Path, ownership: Ownership): void {
  const created = createdFifo(path)
  // Read and write: the only way to open a FIFO that neither blocks nor needs a peer.
  const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW)
  try {
    checkFifo(fd, path)
    setOwnership(fd, ownership)
  } catch (error) {
    if (created) unlinkSync(path) // Nothing is left of one that could not be given away.
    throw error
  } finally {
    close(fd)
  }
}

/** False where something of that name is there. */
function createdFifo(path: Path): boolean {
  try {
    getNative().mkfifo(path, 0o600) // Nobody else can open it before it has its mode.
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Writes one byte to a FIFO, without waiting. A full pipe is success: whoever reads it will wake.
 * Throws ENXIO where nobody has it open for reading, ENOENT where there is none, EINVAL where it
 * is something else.
 */
export function pullFifo(path: Path): void {
  const fd = openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW)
  try {
    checkFifo(fd, path)
    writeSync(fd, '\0')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // The listener left after the open.
    if (code === 'EPIPE') throw systemError('ENXIO', path)
    if (code !== 'EAGAIN') throw error
  } finally {
    close(fd)
  }
}

/** A FIFO that is listened to. */
export interface FifoListener extends Disposable {
  /** Leaves bytes that come from now on to other listeners. */
  readonly pause: () => void
  /** Listens again. */
  readonly resume: () => void
}

/**
 * Listens to a FIFO: each byte that comes, or several at once, is told once. A byte wakes one of those
 * who listen. Throws ENOENT where there is none, EINVAL where it is something else, EACCES where it may
 * not be both read and written.
 */
export function listenToFifo(path: Path, onByte: () => void): FifoListener {
  // Read and write: otherwise it would be at its end whenever no writer has it open.
  const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW)
  try {
    checkFifo(fd, path)
  } catch (error) {
    close(fd)
    throw error
  }
  const onread: OnReadOpts = {
    // With a buffer of its own, a socket that is paused reads nothing, not even for later.
    buffer: Buffer.alloc(64),
    callback: () => {
      onByte()
      return true
    },
  }
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread,
  } as SocketConstructorOpts)
  socket.on('error', () => undefined) // There is none but that it is closed.
  return {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** A byte must never end up in somebody's regular file. */
function checkFifo(fd: number, path: Path): void {
  if (fstatSync(fd).isFIFO()) return
  throw Object.assign(new Error(`not a FIFO: ${path.toString()}`), { code: 'EINVAL' })
}
