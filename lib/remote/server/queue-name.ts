import { FsqError } from '../../errors.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import { isPathComponent } from '../../settings.js'

/**
 * The queue that a client names. Neither a hidden one, nor a host queue, whose name has a slash.
 *
 * @throws {@link FsqError} `FSQ_PATH`
 */
export function queueNamed(root: Root, name: string): Queue {
  checkName('queue', name)
  return root.queue(name)
}

/**
 * Looks whether a queue or a host can have that name.
 *
 * @throws {@link FsqError} `FSQ_PATH`
 */
export function checkName(what: 'queue' | 'host', name: string): void {
  const fits = name.length <= 255 && Buffer.byteLength(name) <= 255 && !/\p{Surrogate}/u.test(name)
  if (fits && isPathComponent(name) && !name.startsWith('.')) return
  throw new FsqError('FSQ_PATH', `illegal ${what} name: ${JSON.stringify(name)}`)
}
