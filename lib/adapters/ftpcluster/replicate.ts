import type { Item } from '../../queue/item.js'
import type { Desk } from './desk.js'
import { again, done, dropped, type JobEnd, left } from './job-end.js'
import type { ReplicateJob } from './job.js'
import { type Copy, isSameCopy, type LinkFile, withCopy } from './link-file.js'
import { NodeError } from './node-error.js'
import { formatNode, isIn, type Node, withoutTwins } from './node.js'
import { type Found, spaceName } from './space.js'

/*
 * Copying a file to one more node:
 *
 *   1. choose the nodes, and put the job into their host queues                jobs
 *   2. on each node: fetch it from one that has it, and see that it arrived    a copy that no link file names
 *   3. name it in the link file, if that is still of this file                 the copy is one of the file
 *      else: remove it again
 */

/** Step 1. */
async function dispatch(desk: Desk, job: ReplicateJob, item: Item): Promise<JobEnd> {
  const name = spaceName(job.linkfile)
  if (job.nodes.length === 0) await desk.survey() // First, since it may take a while.
  const found = await desk.find(name, job)
  if (found?.is !== 'link') return notStored(found)
  const holders = desk.holders('replicate', item)
  if (job.nodes.length === 0) {
    // Somebody was killed when it had its node, or it has come again since.
    if (holders.length > 0) return { end: 'moved', nodes: holders }
    if (
      found.link.copies.some((copy) =>
        isSameCopy(copy, desk.copyFor(item, name, job.mtime, copy.node)),
      )
    )
      return dropped('it has made its copy already')
  }
  const has = [...nodesOf(found.link), ...holders]
  const named = withoutTwins(job.nodes).filter((node) => !isIn(has, node))
  const unknown = named.filter((node) => desk.stations.client(node) === undefined)
  if (unknown.length > 0)
    return again(`${unknown.map(formatNode).join(', ')}: not in .cluster.conf`)
  if (job.nodes.length > 0 && named.length === 0) return dropped('the nodes have it already')
  const file = { ...job, name, uid: found.link.owner }
  const chosen = job.nodes.length > 0 ? named : desk.place('replicate', file, 1, [], has)
  if (chosen.length === 0) return again('no other node can take it now')
  for (const node of chosen) await desk.moveTo('replicate', node, item, job)
  return { end: 'moved', nodes: chosen }
}

/** Steps 2 and 3, on one node. */
async function perform(desk: Desk, job: ReplicateJob, node: Node, item: Item): Promise<JobEnd> {
  const name = spaceName(job.linkfile)
  const copy = desk.copyFor(item, name, job.mtime, node)
  const found = await desk.find(name, job)
  if (found?.is !== 'link' || isIn(nodesOf(found.link), node)) return unwanted(desk, copy, found)
  if (!(await fetchFromOne(desk, found.link, copy))) return left
  desk.stations.succeeded(node)
  return desk.inTurn(name, () => nameCopy(desk, job, name, copy))
}

/** Step 2: from the first node that can give it; false where none can that is not away. */
async function fetchFromOne(desk: Desk, { size, copies }: LinkFile, copy: Copy): Promise<boolean> {
  const target = desk.stations.client(copy.node)
  let trouble: unknown
  let isOneAway = false
  for (const { node, nodepath } of copies) {
    const source = desk.stations.client(node)
    if (source === undefined || target === undefined) continue
    if (desk.stations.isAway(node)) {
      isOneAway = true
      continue
    }
    try {
      await source.copyTo(target, nodepath, copy.nodepath, size, { signal: desk.signal })
      return true
    } catch (error) {
      const isOfSource = error instanceof NodeError && formatNode(error.node) === formatNode(node)
      if (!isOfSource) throw error
      desk.stations.hear(error)
      if (error.ofNode) isOneAway = true
      else trouble = error
    }
  }
  if (trouble !== undefined && !isOneAway) throw trouble
  return false
}

/** Step 3. */
async function nameCopy(desk: Desk, job: ReplicateJob, name: string, copy: Copy): Promise<JobEnd> {
  for (;;) {
    const found = await desk.find(name, job)
    if (found?.is !== 'link' || isIn(nodesOf(found.link), copy.node))
      return unwanted(desk, copy, found)
    if (await desk.swaps.replace(name, found.state, withCopy(found.link, copy).bytes)) {
      desk.isNamed(copy, { ...job, name })
      return done
    }
  }
}

function nodesOf({ copies }: LinkFile): Node[] {
  return copies.map(({ node }) => node)
}

/** What was put on the node goes, unless the link file names it. */
async function unwanted(desk: Desk, copy: Copy, found: Found | undefined): Promise<JobEnd> {
  if (found?.is === 'link' && found.link.copies.some((each) => isSameCopy(each, copy))) return done
  await desk.discard(copy)
  return found?.is === 'link' ? dropped('the node has it already') : notStored(found)
}

function notStored(found: Found | undefined): JobEnd {
  if (found?.is === 'content') return again('it is not stored yet')
  return dropped(found?.is === 'other' ? found.why : 'it is not there any more')
}

/** Does the jobs `replicate`. */
export const replicate = { dispatch, perform }
