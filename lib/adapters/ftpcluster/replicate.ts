import { FsqError } from '../../errors.js'
import type { Desk } from './desk.js'
import { done, dropped, type JobEnd } from './job-end.js'
import type { ReplicateJob } from './job.js'
import { type Copy, type LinkFile, withCopy } from './link-file.js'
import { NodeError } from './node-error.js'
import { pathOfCopy } from './node-path.js'
import { formatNode, type Node } from './node.js'
import { type Found, spaceName } from './space.js'

/*
 * Copying a file to one more node:
 *
 *   1. choose the nodes, and put the job into their host queues    jobs
 *   2. on each node: fetch it from one that has it, and see that it arrived    a copy that no link file names
 *   3. name it in the link file, if that is still of this file     the copy is one of the file
 *      else: submit its removal
 */

/** Step 1. */
async function dispatch(desk: Desk, job: ReplicateJob, id: string): Promise<JobEnd> {
  const name = spaceName(job.linkfile)
  const found = await desk.find(name, job)
  if (found?.is !== 'link') return notStored(found)
  const has = [...found.link.copies.map(({ node }) => node), ...desk.holders('replicate', id)]
  const named = job.nodes.filter((node) => !isIn(has, node))
  const unknown = named.filter((node) => desk.client(node) === undefined)
  if (unknown.length > 0)
    return again(new Error(`${unknown.map(formatNode).join(', ')}: not in .cluster.conf`))
  if (job.nodes.length > 0 && named.length === 0) return dropped('the nodes have it already')
  const file = { ...job, name, uid: found.link.owner }
  const chosen = job.nodes.length > 0 ? named : desk.place('replicate', file, 1, [], has)
  if (chosen.length === 0) return again(new Error('no other node can take it now'))
  for (const node of chosen) await desk.moveTo('replicate', node, id, job)
  return { end: 'moved', nodes: chosen }
}

/** Steps 2 and 3, on one node. */
async function perform(desk: Desk, job: ReplicateJob, node: Node): Promise<JobEnd> {
  const name = spaceName(job.linkfile)
  const found = await desk.find(name, job)
  if (found?.is !== 'link') return notStored(found)
  if (
    isIn(
      found.link.copies.map((copy) => copy.node),
      node,
    )
  )
    return dropped('the node has it already')
  const copy = { node, nodepath: pathOfCopy(name, job.mtime, `${job.size} ${job.mtime}`) }
  await fetchFromOne(desk, found.link, copy)
  return desk.inTurn(name, () => nameCopy(desk, job, name, copy))
}

/** Step 2: from the first node that can give it. */
async function fetchFromOne(desk: Desk, { size, copies }: LinkFile, copy: Copy): Promise<void> {
  const target = desk.client(copy.node)
  let trouble: unknown = new FsqError('FSQ_NODE', 'no node that has it can be reached')
  for (const { node, nodepath } of copies) {
    const source = desk.client(node)
    if (source === undefined || target === undefined || desk.isAway(node)) continue
    try {
      await source.copyTo(target, nodepath, copy.nodepath, size, { signal: desk.signal })
      return
    } catch (error) {
      const isOfSource = error instanceof NodeError && formatNode(error.node) === formatNode(node)
      if (!isOfSource) throw error
      desk.hear(error)
      trouble = error
    }
  }
  throw trouble
}

/** Step 3. */
async function nameCopy(desk: Desk, job: ReplicateJob, name: string, copy: Copy): Promise<JobEnd> {
  for (;;) {
    const found = await desk.find(name, job)
    if (found?.is !== 'link') {
      await desk.removeCopies(name, job, [copy])
      return notStored(found)
    }
    if (
      isIn(
        found.link.copies.map(({ node }) => node),
        copy.node,
      )
    )
      return done
    if (await desk.swaps.replace(name, found.state, withCopy(found.link, copy).bytes)) {
      desk.succeeded(copy.node)
      return done
    }
  }
}

function isIn(nodes: readonly Node[], node: Node): boolean {
  return nodes.some((each) => formatNode(each) === formatNode(node))
}

function notStored(found: Found | undefined): JobEnd {
  if (found?.is === 'content') return again(new Error('it is not stored yet'))
  return dropped(found?.is === 'other' ? found.why : 'it is not there any more')
}

function again(error: Error): JobEnd {
  return { end: 'again', error }
}

/** Does the jobs `replicate`. */
export const replicate = { dispatch, perform }
