import { FsqError } from '../errors.js'
import { fromByteString } from '../name/charset.js'
import { type ParsedItemName, parseItemName } from '../name/item-name.js'
import { isSameFile, type PinnedDirectory, statFile } from '../posix/files.js'
import { inodeOf } from '../posix/inode.js'
import { readLocks } from '../posix/locks.js'
import { statEntry, unlink, walkNames } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import { isHidden } from '../queue/list-entries.js'
import { printableName } from '../queue/printable.js'
import { turn } from '../turn.js'
import { hasSeveralNames } from './entry.js'
import { staleFile } from './examine-tmp.js'
import type { Pinned } from './examine.js'
import { keyedFiles } from './keys.js'
import { ageOf, type Examination, type Facts, type Found, found } from './finding.js'
import type { ItemState } from './list-items.js'
import { underLock } from './under-lock.js'

/*
 * Files with several names in the queue: an operation was cut between its link(2) and its unlink(2).
 *
 *   tmp/ and any other      enqueue: the name in tmp/ goes
 *   queue/ and done/, fail/ finish, where renameat2(2) is not to be had: the name in queue/ goes
 *   queue/ twice            retry, likewise: the name with fewer tries goes
 *
 * The name that stays is synced before the other goes, so that at no moment the loss of power could
 * take both. Names that are not those of one item were made by somebody else, and stay; as they do
 * where the file has names in other queues too (reenqueue with `link`): there, the name in queue/ may
 * have come from one of them, as work to do once more. The name of an item's key (lib/queue/key.ts) is
 * none of them.
 *
 * So many files may have names in other queues that they are matched in parts, each of which is small
 * enough to be held in memory.
 */

/** How many files are matched at a time. */
const most = 50_000

/** A name of a file. */
interface Name {
  readonly state: ItemState
  readonly directory: PinnedDirectory
  readonly entry: string
  readonly path: Path
}

/** The files with several names, of which there are `linked` or so. */
export async function* examineLinks(
  examination: Examination,
  pinned: Pinned,
  linked: number,
): AsyncGenerator<Found> {
  const parts = Math.ceil(linked / most)
  for (let part = 0; part < parts; part++) {
    const files = new Map<string, Name[]>()
    for await (const name of namesOf(examination, pinned)) {
      const inode = inodeOf(name.path)
      if (inode === undefined || Number(inode.ino % BigInt(parts)) !== part) continue
      const names = files.get(inode.key)
      if (names === undefined) files.set(inode.key, [name])
      else names.push(name)
    }
    const keys = new Map<string, number>()
    for await (const { key } of keyedFiles(examination.context))
      if (files.has(key)) keys.set(key, (keys.get(key) ?? 0) + 1)
    for (const [key, names] of files)
      yield* examineFile(examination, key, names, keys.get(key) ?? 0)
  }
}

/** The names of files that have several. */
async function* namesOf({ context }: Examination, pinned: Pinned): AsyncGenerator<Name> {
  for (const [state, directory] of pinned) {
    for (const entry of walkNames(directory.path)) {
      await turn()
      if (state !== 'tmp' && isHidden(entry, context)) continue
      const path = entryPath(directory.path, entry)
      const stat = statEntry(path)
      if (stat !== undefined && hasSeveralNames(stat)) yield { state, directory, entry, path }
    }
  }
}

function* examineFile(
  examination: Examination,
  key: string,
  seen: readonly Name[],
  keys: number,
): Generator<Found> {
  // An item that moved while the directories were read was perhaps seen in two of them.
  const names = seen.filter(({ path }) => inodeOf(path)?.key === key)
  const [first] = names
  const stat = first === undefined ? undefined : statEntry(first.path)
  if (stat === undefined || ageOf(examination, stat) < examination.settled) return
  const inState = (...states: ItemState[]): Name[] =>
    names.filter(({ state }) => states.includes(state))
  const [drafts, ready, finished] = [inState('tmp'), inState('queue'), inState('done', 'fail')]
  const [kept] = [...finished, ...ready]
  if (kept === undefined) {
    for (const { directory, entry } of drafts) yield* staleFile(examination, directory, entry)
    return
  }
  if (readLocks()(stat, examination.context.paths.directory)) return // Who works on it may be between the two; we look another time.
  const age = ageOf(examination, stat)
  const report = (name: Name, facts: Pick<Facts, 'kind' | 'reason' | 'mend'>): Found =>
    found(examination, { ...facts, state: name.state, entry: name.entry, age })
  for (const draft of drafts) {
    yield report(draft, {
      kind: 'enqueue-cut',
      reason: `its enqueue was cut after the link; it is ${nameOf(kept, examination)}`,
      mend: { action: 'removed', run: () => removeName(draft, kept) },
    })
  }
  const items = [...ready, ...finished]
  const [stays] = finished.length > 0 ? finished : byTries(ready, examination)
  if (stays === undefined || items.length < 2) return
  const parsed = new Map(items.map((name) => [name, parse(name, examination)]))
  const pair = { kind: finished.length > 0 ? 'finish-cut' : 'retry-cut' } as const
  for (const name of items) {
    if (name === stays) continue
    const [ours, theirs] = [parsed.get(name), parsed.get(stays)]
    const explained =
      items.length === 2 &&
      name.state === 'queue' &&
      (pair.kind === 'finish-cut' ? isFinished(name, stays, ours, theirs) : isRetried(ours, theirs))
    const reason = `it is ${nameOf(stays, examination)} too`
    if (!explained) {
      yield report(name, {
        kind: 'linked',
        reason: `${reason}; nothing that fsq does explains it: ${choices(name, stays)}`,
      })
    } else if (stat.nlink > names.length + keys) {
      yield report(name, {
        kind: pair.kind,
        reason: `${reason}, and has names elsewhere, from where it may have come back: ${choices(name, stays)}`,
      })
    } else
      yield report(name, {
        kind: pair.kind,
        reason: `${reason}: its ${pair.kind === 'finish-cut' ? 'finish' : 'retry'} was cut`,
        mend: { action: 'removed', run: () => removeName(name, stays, { names, keys }) },
      })
  }
}

/** What somebody can decide between who knows how the names came about. */
function choices(name: Name, stays: Name): string {
  if (name.state !== 'queue') return 'remove the name that is wrong'
  return stays.state === 'queue'
    ? 'leave both to be worked on, or remove one'
    : 'leave it to be worked on, or remove this name'
}

/**
 * Removes a name while another is there, under the lock of their file. Where all its names are given,
 * they and those of its keys have to be all that it has.
 */
async function removeName(
  name: Name,
  stays: Name,
  all?: { readonly names: readonly Name[]; readonly keys: number },
): Promise<boolean> {
  return underLock(stays.path, async (fd) => {
    if (!isSameFile(fd, name.path)) return false
    const there = all?.names.filter(({ path }) => isSameFile(fd, path)).length
    if (all !== undefined && there !== undefined && statFile(fd).nlink > there + all.keys)
      throw new FsqError('FSQ_REPAIR', 'it has names elsewhere, from where it may have come back')
    await stays.directory.sync()
    unlink(name.path)
    await name.directory.sync()
    return true
  })
}

function nameOf({ state, entry }: Name, { context }: Examination): string {
  return `${state}/${printableName(entry, context.reading.charset)}`
}

/** Those with most tries first. */
function byTries(names: readonly Name[], examination: Examination): Name[] {
  const tries = (name: Name): number => parse(name, examination)?.tries ?? -1
  return [...names].sort((a, b) => tries(b) - tries(a))
}

function parse({ entry }: Name, { context }: Examination): ParsedItemName | undefined {
  const { reading } = context
  try {
    return parseItemName(fromByteString(entry, reading.charset), reading)
  } catch (error) {
    if (error instanceof FsqError) return undefined
    throw error
  }
}

/** A finish keeps the name, or where that is taken changes the entropy; retries may precede it. */
function isFinished(
  name: Name,
  stays: Name,
  ours: ParsedItemName | undefined,
  theirs: ParsedItemName | undefined,
): boolean {
  if (name.entry === stays.entry) return true
  return (
    ours !== undefined &&
    theirs !== undefined &&
    ours.tries <= theirs.tries &&
    isSameItem(ours, theirs)
  )
}

function isRetried(ours: ParsedItemName | undefined, theirs: ParsedItemName | undefined): boolean {
  return (
    ours !== undefined &&
    theirs !== undefined &&
    ours.tries < theirs.tries &&
    isSameItem(ours, theirs)
  )
}

/** Whether two names are of one item, but for the entropy and the tries. */
function isSameItem(a: ParsedItemName, b: ParsedItemName): boolean {
  const own = ({ timestamp, pid, hostname, arguments: args }: ParsedItemName): string =>
    JSON.stringify([timestamp, pid, hostname, args])
  return own(a) === own(b)
}
