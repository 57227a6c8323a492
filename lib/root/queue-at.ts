import type { Queue } from './queue.js'
import type { Root } from './root.js'

/**
 * The queue that an operand names: `mail`, or the host queue `mail/backup1`. For those who may name any
 * queue; what comes from elsewhere is a name for {@link Root.queue}, which takes no slash.
 *
 * @throws {@link FsqError} `FSQ_PATH`
 */
export function queueAt(root: Root, operand: string): Queue {
  const [, queue, host] = /^([^/]*)\/([^/]*)$/.exec(operand) ?? []
  if (queue === undefined || host === undefined) return root.queue(operand)
  return root.queue(queue).host(host)
}
