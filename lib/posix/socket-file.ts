import { chmodSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { removeIfThere, statEntry } from './names.js'
import { systemError } from './system-error.js'

/** The longest path of a socket in bytes: sun_path in unix(7). What is longer would be cut off. */
const longestPath = 107

/**
 * Makes way for a unix socket: removes one that nobody listens on any more. Throws EADDRINUSE where
 * somebody does, ENOTSOCK where something else has the name, ENAMETOOLONG; ENOENT where there is no
 * directory for it, for which listen would say EACCES; the system's error.
 */
export async function clearSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) throw systemError('ENAMETOOLONG', path)
  if (statEntry(`${dirname(path)}/.`) === undefined) throw systemError('ENOENT', dirname(path))
  const found = statEntry(path)
  if (found === undefined) return
  if (!found.isSocket()) throw systemError('ENOTSOCK', path)
  if (await isListening(path)) throw systemError('EADDRINUSE', path)
  // Unless it is another one by now.
  if (statEntry(path)?.ino === found.ino) removeIfThere(path)
}

/** The mode of a unix socket: who may write to it may connect. */
export function setSocketMode(path: string, mode: number): void {
  chmodSync(path, mode)
}

/**
 * Makes a socket while nobody else may connect to it: what is made in here has at most the mode 0600.
 * Only in the main thread; elsewhere the umask is that of the process.
 */
export function withPrivateUmask<T>(make: () => T): T {
  let before: number
  try {
    before = process.umask(0o177)
  } catch {
    return make()
  }
  try {
    return make()
  } finally {
    process.umask(before)
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })
}
