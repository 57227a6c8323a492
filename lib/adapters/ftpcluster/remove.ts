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

/** Steps 2 and 3. */
async function perform(desk: Desk, job: RemoveJob, node: Node, item: Item): Promise<JobEnd> {
  const { linkfile, nodepath, version } = job
  const own = linkfile !== undefined && isInSpace(linkfile) ? spaceName(linkfile) : undefined
  const naming = await desk.namingFile(job, item)
  if (naming !== undefined && naming !== own)
    return { end: 'failed', why: `it is a copy of ${naming}, which is still there` }
  if (naming !== undefined && !(await desk.inTurn(naming, () => forget(desk, job, naming))))
    return { end: 'failed', why: `it is the last copy of ${naming}, which is still there` }
  const wasThere = await desk.stations.client(node)?.remove(nodepath, { signal: desk.signal })
  desk.stations.succeeded(node)
  if (wasThere === true && version !== undefined) desk.stations.expect(node, -version.size)
  return done
}

/** Step 2; whether the copy may go. */
async function forget(desk: Desk, job: RemoveJob, name: string): Promise<boolean> {
  for (;;) {
    const found = await desk.findLink(name)
    if (found?.link.copies.some((copy) => isSameCopy(copy, job)) !== true) return true
    if (found.link.copies.length === 1) return false
    if (await desk.swaps.replace(name, found.state, withoutCopy(found.link, job).bytes)) return true
  }
}

/** Does the jobs `remove` and `delete`. */
export const remove = { dispatch, perform }
