import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { type Digest, digestBy } from './checksum.js'
import { bytesOf } from './escape.js'
import { measured, WrongLength } from './measured.js'
import { isPermanent, isRefusal, NodeError, wordsOf } from './node-error.js'
import { asOperand, type NodeSession, parentOf } from './node-session.js'

/*
 * How a file gets to a node. What a crash of ours, of the node, or of the way between them leaves:
 *
 *   1. Is a file there already?        nothing
 *   2. Make the directories.           empty directories
 *   3. Send it under another name.     part of it, or all, as .fsq-*.tmp beside the place where it belongs
 *   4. Compare size and checksum.      the same
 *   5. Rename it.                      the file, or the same
 *   6. Compare the size once more.     the file
 *
 * Under its own name there is never a part of a file. FTP has no way to rename a file only where no other
 * is in its place, and who stores at a path uses the same other name: no two may do so at the same moment.
 */

/** What is to be stored. */
export interface Feed {
  /** It is destroyed in the end. */
  readonly stream: Readable
  /** What else its bytes go through. */
  readonly digest?: Digest | undefined
  /** Says when all has been sent that all that was read is right; otherwise it throws. */
  readonly confirm?: () => Promise<void>
}

/** What is to be known of a node between files. */
export interface NodeMemory {
  /** Directories that are there, as far as we know. */
  readonly directories: Set<string>
  /** Temporary files that could not be removed yet. */
  readonly leftovers: Set<string>
}

/** What was to be stored could not be read: it is not the node's fault. */
export class SourceFailure extends Error {}

/**
 * Stores a file.
 *
 * @returns false where it was there already, by its size and its content
 */
export async function store(
  session: NodeSession,
  memory: NodeMemory,
  path: string,
  open: () => Feed,
  size: number,
): Promise<boolean> {
  const there = await session.size(path)
  if (there !== undefined) {
    if (there === size && (await isSame(session, path, open, size))) return false
    throw new NodeError(session.node, 'taken', `another file is at ${JSON.stringify(path)}`)
  }
  const directory = parentOf(path)
  const known = memory.directories.has(directory)
  try {
    await makeDirectories(session, memory.directories, directory)
    await sendAndRename(session, memory, path, open, size)
  } catch (error) {
    memory.directories.clear()
    // Somebody may have tidied up there.
    if (!known || !isRefusal(error) || !isPermanent(error) || session.closed) throw error
    return store(session, memory, path, open, size)
  }
  return true
}

async function sendAndRename(
  session: NodeSession,
  { leftovers }: NodeMemory,
  path: string,
  open: () => Feed,
  size: number,
): Promise<void> {
  const temporary = temporaryBeside(path)
  leftovers.delete(temporary) // It is sent over.
  try {
    const digest = await send(session, temporary, open(), size)
    const arrived = await session.size(temporary)
    if (arrived !== size)
      throw damaged(session, path, `${arrived ?? 'no'} bytes of ${size} arrived`)
    const told = await session.digestOf(temporary, size)
    if (told !== undefined && told !== digest?.hex())
      throw damaged(session, path, 'its checksum there is another')
    await session.command(`RNFR ${asOperand(temporary)}`)
    await session.command(`RNTO ${asOperand(path)}`)
  } catch (error) {
    leftovers.add(temporary)
    if (!session.closed)
      await removeLeftovers(session, new Set([temporary])).then(
        () => leftovers.delete(temporary),
        () => undefined,
      )
    throw error
  }
  const stored = await session.size(path)
  if (stored !== size)
    throw damaged(session, path, `it has ${stored ?? 'no'} bytes of ${size} there`)
}

/** Sends what is to be stored; what its checksum comes to. */
async function send(
  session: NodeSession,
  path: string,
  { stream, digest: own, confirm }: Feed,
  size: number,
): Promise<Digest | undefined> {
  const digest = session.checksum?.digest()
  const digests = [digest, own].filter((each) => each !== undefined)
  const failures: unknown[] = []
  const pieces = measured(stream, size, digests, (failure) => failures.push(failure))
  try {
    await session.upload(path, Readable.from(pieces, { objectMode: false }))
    await confirm?.()
    return digest
  } catch (error) {
    throw failures.length === 0
      ? troubleOfSending(session, error)
      : troubleOfSource(session, failures[0])
  } finally {
    stream.destroy()
  }
}

/** What a server says that cannot write is 451, and seldom why: no space is left, for the most part. */
function troubleOfSending({ node }: NodeSession, error: unknown): unknown {
  if (!isRefusal(error) || error.code !== 451) return error
  const said = wordsOf(error, node.password)
  return new NodeError(node, 'full', `it cannot write what is sent: it says: ${said}`)
}

function troubleOfSource({ node }: NodeSession, failure: unknown): Error {
  if (!(failure instanceof WrongLength))
    return new SourceFailure('it cannot be read', { cause: failure })
  return new NodeError(node, 'changed', `what is to be stored changed: ${failure.message}`)
}

/** Compares a file with one that is there: by its checksum, or where the node tells none, by fetching it. */
async function isSame(
  session: NodeSession,
  path: string,
  open: () => Feed,
  size: number,
): Promise<boolean> {
  const told = await session.digestOf(path, size)
  const digest = (told === undefined ? undefined : session.checksum?.digest) ?? sha256
  const { stream, digest: own, confirm } = open()
  const ours = await digestOf(stream, size, digest(), own).catch((failure: unknown) => {
    throw troubleOfSource(session, failure)
  })
  await confirm?.()
  return ours === (told ?? (await fetchedDigest(session, path, size, digest())))
}

async function fetchedDigest(
  session: NodeSession,
  path: string,
  size: number,
  digest: Digest,
): Promise<string> {
  const through = new PassThrough()
  const download = session.download(path, through)
  download.catch((error: unknown) => through.destroy(error as Error))
  const [hex] = await Promise.all([digestOf(through, size, digest), download])
  return hex
}

async function digestOf(
  stream: Readable,
  size: number,
  digest: Digest,
  own?: Digest,
): Promise<string> {
  const digests = own === undefined ? [digest] : [digest, own]
  try {
    const pieces = measured(stream, size, digests, () => undefined)
    while ((await pieces.next()).done !== true);
    return digest.hex()
  } finally {
    stream.destroy()
  }
}

function sha256(): Digest {
  return digestBy('sha256')
}

/** Makes a directory and those above it, as far as they are not known to be there. */
async function makeDirectories(
  session: NodeSession,
  directories: Set<string>,
  path: string,
): Promise<void> {
  if (path === '.' || path === '/' || directories.has(path)) return
  await makeDirectories(session, directories, parentOf(path))
  await session.attempt(`MKD ${asOperand(path)}`) // Refused where it is there; else sending says why.
  directories.add(path)
}

/** Removes temporary files that an attempt left behind. */
export async function removeLeftovers(session: NodeSession, leftovers: Set<string>): Promise<void> {
  for (const path of leftovers) {
    await session.attempt(`DELE ${asOperand(path)}`)
    leftovers.delete(path)
  }
}

/**
 * The name under which a file is sent, beside its path. It is the same each time, so that who tries again
 * after a crash sends over what that left behind.
 */
export function temporaryBeside(path: string): string {
  const digest = createHash('sha256').update(bytesOf(path)).digest('hex').slice(0, 16)
  return `${path.slice(0, path.lastIndexOf('/') + 1)}.fsq-${digest}.tmp`
}

function damaged({ node }: NodeSession, path: string, how: string): NodeError {
  return new NodeError(node, 'failed', `cannot store ${JSON.stringify(path)}: ${how}`)
}
