import { Readable } from 'node:stream'
import { errnoOf } from '../../errors.js'
import { readPieces } from '../../posix/files.js'
import { watchWriters, type WriterWatch } from '../../posix/writers.js'
import type { Item } from '../../queue/item.js'
import type { Desk } from './desk.js'
import { again, done, dropped, type JobEnd, left } from './job-end.js'
import type { StoreJob } from './job.js'
import { type Copy, isSameCopy, makeLinkFile, withCopy } from './link-file.js'
import { NodeError } from './node-error.js'
import { formatNode, isIn, type Node, withoutTwins } from './node.js'
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
 * The content is removed only if nobody touched it since it was sent. Where the job turns out to be
 * superseded, what it put on a node is removed before it is done.
 */

/** Step 1. */
async function dispatch(desk: Desk, job: StoreJob, item: Item): Promise<JobEnd> {
  const name = spaceName(job.filename)
  if (!isDecided(job)) await desk.survey() // First, since it may take a while.
  const found = await desk.find(name, job)
  if (found?.is !== 'content') return desk.inTurn(name, () => supersededBy(desk, name, found))
  const unknown = job.nodes.filter((node) => desk.stations.client(node) === undefined)
  if (unknown.length > 0)
    return again(`${unknown.map(formatNode).join(', ')}: not in .cluster.conf`)
  const stored = readStored(desk.state, name)
  const has =
    stored?.content === contentOf(found.state) ? stored.copies.map(({ node }) => node) : []
  const nodes = isDecided(job)
    ? withoutTwins(job.nodes).filter((node) => !isIn(has, node))
    : choose(desk, job, name, withoutTwins([...has, ...desk.holders('store', item)]))
  if (nodes === undefined) return again(noneCan(copiesOf(desk, job)))
  const [first] = has
  // All have it: one of them only has to see to the rest.
  const targets = nodes.length === 0 && first !== undefined ? [first] : nodes
  for (const node of targets) await desk.moveTo('store', node, item, job)
  return { end: 'moved', nodes: targets }
}

/** Nodes beside those that have it, or are to get it; undefined where there are too few. */
function choose(desk: Desk, job: StoreJob, name: string, has: readonly Node[]): Node[] | undefined {
  const missing = Math.max(0, copiesOf(desk, job) - has.length)
  const chosen = desk.place('store', { ...job, name }, missing, job.nodes, has)
  if (chosen.length === missing) return chosen
  for (const node of chosen) desk.stations.expectNoMore(node, { ...job, name })
  return undefined
}

function noneCan(copies: number): string {
  return copies === 1 ? 'no node can take it now' : `no ${copies} nodes can take it now`
}

/** Steps 2 to 5, on one node. */
async function perform(desk: Desk, job: StoreJob, node: Node, item: Item): Promise<JobEnd> {
  const name = spaceName(job.filename)
  const copy = desk.copyFor(item, name, job.mtime, node)
  const end = await withFile(desk.cluster.home, name, async (file) => {
    const found = findVersion(file, job)
    if (found.is !== 'content') return desk.inTurn(name, () => superseded(desk, name, copy, found))
    try {
      if (desk.stations.isFull(node)) return await moveOn(desk, job, name, node, item)
      return await send(desk, job, name, copy, item, found)
    } catch (error) {
      if (!(error instanceof NodeError) || error.kind !== 'full') throw error
      desk.stations.hear(error)
      const moved = await moveOn(desk, job, name, node, item)
      if (moved.end === 'left') throw error
      return moved
    } finally {
      found.close()
    }
  })
  return end ?? desk.inTurn(name, () => superseded(desk, name, copy, undefined))
}

async function send(
  desk: Desk,
  job: StoreJob,
  name: string,
  copy: Copy,
  item: Item,
  content: Extract<Found, { is: 'content' }>,
): Promise<JobEnd> {
  const { fd, state } = content
  const put = async (): Promise<unknown> =>
    desk.stations
      .client(copy.node)
      ?.put(copy.nodepath, () => Readable.from(pieces(fd)), state.size, {
        signal: desk.signal,
      })
  try {
    await put()
  } catch (error) {
    if (!(error instanceof NodeError) || error.kind !== 'taken') throw error
    // It is what an earlier try sent of another content.
    await desk.inTurn(name, () => takeBack(desk, name, copy))
    await put()
  }
  desk.stations.succeeded(copy.node)
  return desk.inTurn(name, () => settle(desk, job, name, copy, item, content))
}

/** Steps 3 to 5. */
async function settle(
  desk: Desk,
  job: StoreJob,
  name: string,
  copy: Copy,
  item: Item,
  { fd, state }: Extract<Found, { is: 'content' }>,
): Promise<JobEnd> {
  const found = await desk.find(name, job)
  if (found?.is === 'link') return addToLink(desk, job, name, copy)
  if (found?.is !== 'content') return superseded(desk, name, copy, found)
  if (contentOf(found.state) !== contentOf(state)) return disturbed(desk, name, copy)
  const copies = await noteCopy(desk, job, name, copy, contentOf(state))
  if (!isWhole(desk, job, copies)) {
    if (!isComing(desk, job, copies, item)) await desk.resubmit(job, item)
    return done
  }
  using writers = writersOf(fd)
  if (writers === undefined) return again('somebody writes to it')
  const { size, mtime, uid: owner } = job
  const { bytes } = makeLinkFile({ name: name.split('/').pop() ?? '', size, owner, mtime, copies })
  const isReplaced = await desk.swaps.replace(name, state, bytes, writers.isBroken)
  if (!isReplaced) return await disturbed(desk, name, copy)
  for (const each of copies) desk.isNamed(each, { ...job, name })
  forgetStored(desk.state, name)
  return done
}

/** It is not what was sent any more; whether it is still the file of the job the next try will tell. */
async function disturbed(desk: Desk, name: string, copy: Copy): Promise<JobEnd> {
  await takeBack(desk, name, copy)
  return again('it was changed while it was stored')
}

/** Removes what was put on the node, which no note is to count any more before that. In turn only. */
async function takeBack(desk: Desk, name: string, copy: Copy): Promise<void> {
  const noted = readStored(desk.state, name)
  const rest = noted?.copies.filter((each) => !isSameCopy(each, copy))
  if (noted !== undefined && rest !== undefined && rest.length < noted.copies.length)
    await noteStored(desk.state, { ...noted, copies: rest })
  await desk.discard(copy)
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

/** Step 3; the copies that there are. Those of another content are of no use. */
async function noteCopy(
  desk: Desk,
  job: StoreJob,
  name: string,
  copy: Copy,
  content: string,
): Promise<readonly Copy[]> {
  const { size, mtime } = job
  const noted = readStored(desk.state, name)
  if (noted === undefined && isWhole(desk, job, [copy])) return [copy] // It is not to wait for another.
  const others = (noted?.copies ?? []).filter(({ node }) => !isIn([copy.node], node))
  const isOurs = noted?.content === content
  if (!isOurs) for (const each of others) await desk.discard(each)
  const copies = [...(isOurs ? others : []), copy]
  await noteStored(desk.state, { name, size, mtime, content, copies })
  return copies
}

/** The file is stored already: this is one more copy, unless the node has one. */
async function addToLink(desk: Desk, job: StoreJob, name: string, copy: Copy): Promise<JobEnd> {
  for (;;) {
    const found = await desk.find(name, job)
    if (found?.is !== 'link') return superseded(desk, name, copy, found)
    if (
      isIn(
        found.link.copies.map(({ node }) => node),
        copy.node,
      )
    )
      return superseded(desk, name, copy, found)
    if (await desk.swaps.replace(name, found.state, withCopy(found.link, copy).bytes)) {
      desk.isNamed(copy, { ...job, name })
      return done
    }
  }
}

/** Another node for a file for which this one has no space, where the job leaves that to us. */
async function moveOn(
  desk: Desk,
  job: StoreJob,
  name: string,
  node: Node,
  item: Item,
): Promise<JobEnd> {
  if (isDecided(job)) return left
  await desk.survey()
  const noted = readStored(desk.state, name)?.copies.map((copy) => copy.node) ?? []
  const without = [node, ...noted, ...desk.holders('store', item)]
  const [other] = desk.place('store', { ...job, name }, 1, job.nodes, without)
  if (other === undefined) return left
  desk.stations.expectNoMore(node, { ...job, name })
  await desk.moveTo('store', other, item, job)
  return { end: 'moved', nodes: [other] }
}

/** Whether the job says which nodes are to have the file; an upload says which may. */
function isDecided({ type, nodes }: StoreJob): boolean {
  return type === 'store' && nodes.length > 0
}

/** How many nodes are to have it. Where the cluster has fewer, it waits: it would lose its content for fewer copies. */
function copiesOf({ copies }: Desk, { nodes }: StoreJob): number {
  return nodes.length === 0 ? copies : Math.min(copies, withoutTwins(nodes).length)
}

function isWhole(desk: Desk, job: StoreJob, copies: readonly Copy[]): boolean {
  const has = copies.map(({ node }) => node)
  return isDecided(job)
    ? job.nodes.every((node) => isIn(has, node))
    : has.length >= copiesOf(desk, job)
}

/** Whether the nodes that do not have it yet have the job. */
function isComing(desk: Desk, job: StoreJob, copies: readonly Copy[], item: Item): boolean {
  const has = copies.map(({ node }) => node)
  const holders = desk.holders('store', item).filter((node) => !isIn(has, node))
  return isDecided(job)
    ? job.nodes.every((node) => isIn(has, node) || isIn(holders, node))
    : has.length + holders.length >= copiesOf(desk, job)
}

/** What was put on the node goes, unless the link file names it. In turn only. */
async function superseded(
  desk: Desk,
  name: string,
  copy: Copy,
  found: Found | undefined,
): Promise<JobEnd> {
  if (found?.is === 'link' && found.link.copies.some((each) => isSameCopy(each, copy))) return done
  await desk.discard(copy)
  return supersededBy(desk, name, found)
}

/** The copies that were made of what it was before are not wanted any more. */
async function supersededBy(desk: Desk, name: string, found: Found | undefined): Promise<JobEnd> {
  await desk.clearStored(name)
  if (found?.is === 'link') return dropped('it is stored already')
  return dropped(found?.is === 'other' ? found.why : 'it is not there any more')
}

/** The stream holds several pieces at a time, and each of these is reused. */
async function* pieces(fd: number): AsyncGenerator<Buffer> {
  for await (const piece of readPieces(fd, 0)) yield Buffer.from(piece)
}

/** Does the jobs `upload` and `store`. */
export const store = { dispatch, perform }
