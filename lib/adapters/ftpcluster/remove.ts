import type { Item } from '../../queue/item.js'
import type { Desk } from './desk.js'
import { again, done, type JobEnd } from './job-end.js'
import type { RemoveJob } from './job.js'
import { isSameCopy, withoutCopy } from './link-file.js'
import { formatNode, type Node } from './node.js'
import { isInSpace, spaceName } from './space.js'

/*
 * Removing a copy from a node:
 *
 *   1. put the job into the host queue of the node                   a job
 *   2. take it out of the link file, if that still names it          a copy that no link file names, and a job
 *   3. remove it; that it is not there is success                    nothing
 *
 * A copy that the link file of another file names is not removed, nor the last copy of a file: who could upload
 * what looks like a link file, or write jobs, would remove the files of others.
 */

/** Step 1. */
async function dispatch(desk: Desk, job: RemoveJob, item: Item): Promise<JobEnd> {
  if (desk.stations.client(job.node) === undefined)
    return again(`${formatNode(job.node)}: not in .cluster.conf`)
  await desk.moveTo('remove', job.node, item, job)
  return { end: 'moved', nodes: [job.node] }
}

/**
 * Steps 2 and 3.
 *
 * @param seenAt - when the job was seen, by performance.now()
 */
async function perform(
  desk: Desk,
  job: RemoveJob,
  node: Node,
  _item: Item,
  seenAt: number,
): Promise<JobEnd> {
  const { linkfile, nodepath } = job
  const own = linkfile !== undefined && isInSpace(linkfile) ? spaceName(linkfile) : undefined
  const naming = await desk.namingFiles(job, seenAt)
  const other = naming.find((name) => name !== own)
  if (other !== undefined)
    return { end: 'failed', why: `it is a copy of ${other}, which is still there` }
  for (const name of naming)
    if (!(await desk.inTurn(name, () => forget(desk, job, name))))
      return { end: 'failed', why: `it is the last copy of ${name}, which is still there` }
  await desk.stations.client(node)?.remove(nodepath, { signal: desk.signal })
  desk.stations.succeeded(node)
  return done
}

/** Step 2; whether the copy may go. */
async function forget(desk: Desk, job: RemoveJob, name: string): Promise<boolean> {
  for (;;) {
    const found = await desk.findLink(name)
    if (found?.link.copies.some((copy) => isSameCopy(copy, job)) !== true) return true
    const rest = withoutCopy(found.link, job)
    if (rest.copies.length === 0) return false // Be it named twice.
    if (!(await desk.swaps.replace(name, found.state, rest.bytes))) continue
    desk.isNamedNoMore(job, name)
    return true
  }
}

/** Does the jobs `remove` and `delete`. */
export const remove = { dispatch, perform }
