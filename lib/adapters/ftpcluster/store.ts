import { Readable } from 'node:stream'
import { errnoOf } from '../../errors.js'
import { readPieces } from '../../posix/files.js'
import { isSameState, stateOfOpen } from '../../posix/inode.js'
import { watchWriters, type WriterWatch } from '../../posix/writers.js'
import type { Item } from '../../queue/item.js'
import type { Desk } from './desk.js'
import { done, dropped, type JobEnd } from './job-end.js'
import type { StoreJob } from './job.js'
import { type Copy, makeLinkFile, withCopy } from './link-file.js'
import { NodeError } from './node-error.js'
import { pathOfCopy } from './node-path.js'
import { formatNode, type Node } from './node.js'
import { type Found, findVersion, spaceName, withFile } from './space.js'
import { contentOf, forgetStored, noteStored, readStored } from './stored-copies.js'

/*
 * Storing a file that was uploaded:
 *
 *   1. choose its nodes, and put the job into their host queues     the file, and jobs
 *   2. on each node: send it, and see that it arrived               the file, and copies
 *   3. note the copy                                                the file, copies, and a note of them
 *   4. when as many have it as should: the link file takes its place (swaps.ts), which removes the content
 *   5. forget the note                                              the link file, and copies
 *
 * The content is removed only if it is what was sent. What was changed meanwhile stays, and the copies of what
 * it was are removed from their nodes.
 */

/** Step 1. */
async function dispatch(desk: Desk, job: StoreJob, id: string): Promise<JobEnd> {
  const name = spaceName(job.filename)
  const found = await desk.find(name, job)
  if (found?.is !== 'content') return supersededBy(desk, name, found)
  const unknown = job.nodes.filter((node) => desk.client(node) === undefined)
  if (unknown.length > 0)
    return again(`${unknown.map(formatNode).join(', ')}: not in .cluster.conf`)
  const has = desk.holders('store', id)
  const copies = copiesOf(desk, job)
  const chosen = isDecided(job)
    ? job.nodes
    : desk.place('store', { ...job, name }, Math.max(0, copies - has.length), job.nodes, has)
  if (!isDecided(job) && has.length + chosen.length < copies)
    return again(
      `${copies} nodes are to have it, and ${has.length + chosen.length} can take it now`,
    )
  for (const node of chosen) await desk.moveTo('store', node, id, job)
  return { end: 'moved', nodes: chosen }
}

/** Steps 2 to 5, on one node. */
async function perform(desk: Desk, job: StoreJob, node: Node, item: Item): Promise<JobEnd> {
  const name = spaceName(job.filename)
  const end = await withFile(desk.cluster.home, name, async (file) => {
    const found = findVersion(file, job)
    if (found.is !== 'content') return supersededBy(desk, name, found)
    try {
      return await send(desk, job, name, node, found)
    } catch (error) {
      if (!(error instanceof NodeError) || error.kind !== 'full') throw error
      desk.hear(error)
      const moved = await moveOn(desk, job, name, node, item)
      if (moved === undefined) throw error
      return moved
    } finally {
      found.close()
    }
  })
  return end ?? supersededBy(desk, name, undefined)
}

async function send(
  desk: Desk,
  job: StoreJob,
  name: string,
  node: Node,
  { fd, state }: Extract<Found, { is: 'content' }>,
): Promise<JobEnd> {
  const content = contentOf(state)
  const copy = { node, nodepath: pathOfCopy(name, job.mtime, content) }
  await desk.client(node)?.put(copy.nodepath, () => Readable.from(pieces(fd)), state.size, {
    signal: desk.signal,
  })
  return desk.inTurn(name, async () => {
    if (!isSameState(stateOfOpen(fd), state)) {
      await desk.removeCopies(name, job, [copy])
      return dropped('it was changed while it was sent')
    }
    desk.succeeded(node)
    return settle(desk, job, name, copy, { content, fd })
  })
}

/** Steps 3 to 5. */
async function settle(
  desk: Desk,
  job: StoreJob,
  name: string,
  copy: Copy,
  { content, fd }: { readonly content: string; readonly fd: number },
): Promise<JobEnd> {
  const found = await desk.find(name, job)
  if (found?.is === 'link') return addToLink(desk, job, name, copy)
  if (found?.is !== 'content' || contentOf(found.state) !== content) {
    await desk.removeCopies(name, job, [copy])
    return supersededWhy(found)
  }
  const copies = await noteCopy(desk, job, name, copy, content)
  const isWhole = isDecided(job)
    ? job.nodes.every((node) => copies.some((each) => formatNode(each.node) === formatNode(node)))
    : copies.length >= copiesOf(desk, job)
  if (!isWhole) return done
  const { size, mtime, uid: owner } = job
  const { bytes } = makeLinkFile({ name: name.split('/').pop() ?? '', size, owner, mtime, copies })
  using writers = writersOf(fd)
  if (writers === undefined) return again('somebody writes to it')
  const isReplaced = await desk.swaps.replace(name, found.state, bytes, writers.isBroken)
  if (!isReplaced) await desk.removeCopies(name, job, copies)
  forgetStored(desk.state, name)
  return isReplaced ? done : dropped('it was changed while it was stored')
}

/** A watch over who writes to the content; nothing while somebody does. */
function writersOf(fd: number): WriterWatch | undefined {
  try {
    return watchWriters(fd)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error
    return { isBroken: () => false, [Symbol.dispose]: () => undefined } // That cannot be told here.
  }
}

/** Step 3; the copies that there are. What was noted of another content are copies that nobody wants. */
async function noteCopy(
  desk: Desk,
  { size, mtime }: StoreJob,
  name: string,
  copy: Copy,
  content: string,
): Promise<readonly Copy[]> {
  const noted = readStored(desk.state, name)
  const isOurs = noted?.content === content
  if (noted !== undefined && !isOurs) await desk.removeCopies(name, noted, noted.copies)
  const others = isOurs
    ? noted.copies.filter(({ node }) => formatNode(node) !== formatNode(copy.node))
    : []
  const copies = [...others, copy]
  await noteStored(desk.state, { name, size, mtime, content, copies })
  return copies
}

/** The file is stored already, elsewhere: this is one more copy. */
async function addToLink(desk: Desk, job: StoreJob, name: string, copy: Copy): Promise<JobEnd> {
  for (;;) {
    const found = await desk.find(name, job)
    if (found?.is !== 'link') {
      await desk.removeCopies(name, job, [copy])
      return supersededWhy(found)
    }
    if (found.link.copies.some(({ nodepath }) => nodepath === copy.nodepath)) return done
    if (await desk.swaps.replace(name, found.state, withCopy(found.link, copy).bytes)) return done
  }
}

/** Another node for a file for which this one has no space, where the job leaves that to us. */
async function moveOn(
  desk: Desk,
  job: StoreJob,
  name: string,
  node: Node,
  item: Item,
): Promise<JobEnd | undefined> {
  if (isDecided(job)) return undefined
  const noted = readStored(desk.state, name)?.copies.map((copy) => copy.node) ?? []
  const without = [node, ...noted, ...desk.holders('store', item.id)]
  const [other] = desk.place('store', { ...job, name }, 1, job.nodes, without)
  if (other === undefined) return undefined
  await desk.moveTo('store', other, item.id, job)
  return { end: 'moved', nodes: [other] }
}

/** Whether the job says which nodes are to have the file; an upload says which may. */
function isDecided({ type, nodes }: StoreJob): boolean {
  return type === 'store' && nodes.length > 0
}

/** How many nodes are to have it. */
function copiesOf(desk: Desk, { nodes }: StoreJob): number {
  return Math.min(desk.copies, nodes.length === 0 ? desk.nodes.length : nodes.length)
}

/** The copies that were made of what it was before are not wanted any more. */
async function supersededBy(desk: Desk, name: string, found: Found | undefined): Promise<JobEnd> {
  await desk.clearStored(name)
  return supersededWhy(found)
}

function supersededWhy(found: Found | undefined): JobEnd {
  if (found?.is === 'link') return dropped('it is stored already')
  return dropped(found?.is === 'other' ? found.why : 'it is not there any more')
}

function again(why: string): JobEnd {
  return { end: 'again', error: new Error(why) }
}

/** The stream holds several pieces at a time, and each of these is reused. */
async function* pieces(fd: number): AsyncGenerator<Buffer> {
  for await (const piece of readPieces(fd, 0)) yield Buffer.from(piece)
}

/** Does the jobs `upload` and `store`. */
export const store = { dispatch, perform }
