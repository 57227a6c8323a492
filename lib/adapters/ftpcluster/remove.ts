import type { Desk } from './desk.js'
import { done, type JobEnd } from './job-end.js'
import type { RemoveJob } from './job.js'
import { withoutCopy } from './link-file.js'
import { formatNode, type Node } from './node.js'
import { isInSpace, spaceName } from './space.js'

/*
 * Removing a copy from a node:
 *
 *   1. put the job into the host queue of the node                   a job
 *   2. take it out of the link file, if that still names it; the last copy of a file that is still there
 *      is not removed                                                a copy that no link file names, and a job
 *   3. remove it; that it is not there is success                    nothing
 */

/** Step 1. */
async function dispatch(desk: Desk, job: RemoveJob, id: string): Promise<JobEnd> {
  if (desk.client(job.node) === undefined)
    return { end: 'again', error: new Error(`${formatNode(job.node)}: not in .cluster.conf`) }
  await desk.moveTo('remove', job.node, id, job)
  return { end: 'moved', nodes: [job.node] }
}

/** Steps 2 and 3. */
async function perform(desk: Desk, job: RemoveJob, node: Node): Promise<JobEnd> {
  const { linkfile, nodepath } = job
  // Where the link file is in .deleted, none in the FTP space can name the copy.
  if (linkfile !== undefined && isInSpace(linkfile)) {
    const name = spaceName(linkfile)
    const isFree = await desk.inTurn(name, () => forget(desk, job, name))
    if (!isFree)
      return { end: 'failed', why: `it is the last copy of ${name}, which is still there` }
  }
  await desk.client(node)?.remove(nodepath, { signal: desk.signal })
  desk.succeeded(node)
  if (job.version !== undefined) desk.expect(node, -job.version.size)
  return done
}

/** Step 2; whether the copy may go. */
async function forget(desk: Desk, job: RemoveJob, name: string): Promise<boolean> {
  for (;;) {
    const link = await desk.findLink(name)
    const isNamed = link?.link.copies.some(
      (copy) => copy.nodepath === job.nodepath && formatNode(copy.node) === formatNode(job.node),
    )
    if (link === undefined || isNamed !== true) return true
    if (link.link.copies.length === 1) return false
    if (await desk.swaps.replace(name, link.state, withoutCopy(link.link, job).bytes)) return true
  }
}

/** Does the jobs `remove` and `delete`. */
export const remove = { dispatch, perform }
