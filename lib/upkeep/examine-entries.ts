import { FsqError } from '../errors.js'
import { fromByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import { close, type PinnedDirectory, setOwnership, statFile, type Stats } from '../posix/files.js'
import { readLocks } from '../posix/locks.js'
import { statEntry, unlink, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { claimEntry } from '../queue/claim.js'
import { spent } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { isHidden } from '../queue/list-entries.js'
import { setAsideMalformed } from '../queue/malformed.js'
import { turn } from '../turn.js'
import { difference } from './difference.js'
import type { Pinned } from './examine.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import type { ItemState } from './list-items.js'
import { locked, underLock } from './under-lock.js'

/*
 * The entries of each directory, one at a time, in the order in which the directory gives them, so that
 * a queue of any size takes constant memory. Files with several names are only counted here.
 */

/** An entry that is looked at. */
interface Entry {
  readonly examination: Examination
  readonly directory: PinnedDirectory
  /** Its name, as a byte string. */
  readonly entry: string
  readonly stat: Stats
  /** Whether the items of its directory may be good by other settings; see isForeign. */
  readonly foreign: boolean
}

const examineIn: Readonly<Record<ItemState, (entry: Entry, pinned: Pinned) => Iterable<Found>>> = {
  tmp: examineTmp,
  queue: examineQueued,
  done: (entry, pinned) => examineFinished(entry, 'done', pinned),
  fail: (entry, pinned) => examineFinished(entry, 'fail', pinned),
}

/** Walks through a directory; counts in `tally.linked` the files that have several names. */
export async function* examineEntries(
  examination: Examination,
  pinned: Pinned,
  state: ItemState,
  tally: { linked: number },
): AsyncGenerator<Found> {
  const directory = pinned.get(state)
  if (directory === undefined) return
  const foreign = state === 'queue' && (await isForeign(examination, directory))
  for (const entry of walkNames(directory.path)) {
    await turn()
    if (state !== 'tmp' && isHidden(entry, examination.context)) continue
    const stat = statEntry(entryPath(directory.path, entry))
    if (stat === undefined) continue
    if (hasSeveralNames(stat)) tally.linked++
    yield* examineIn[state]({ examination, directory, entry, stat, foreign }, pinned)
  }
}

/** So many malformed names may have come to queue/ one by one. */
const fewMalformed = 10

/**
 * Whether there are more than a few names, and none is that of an item. They may be good items for
 * who enqueued them by another time format or charset, and must not all be moved to fail/.
 */
async function isForeign(examination: Examination, directory: PinnedDirectory): Promise<boolean> {
  let malformed = 0
  for (const entry of walkNames(directory.path)) {
    if (isHidden(entry, examination.context)) continue
    if (nameError(examination, entry) === undefined) return false
    malformed++
    await turn()
  }
  return malformed > fewMalformed
}

/** A directory has several links of its own accord. */
export function hasSeveralNames(stat: Pick<Stats, 'isFile' | 'nlink'>): boolean {
  return stat.isFile() && stat.nlink > 1
}

function* examineTmp({ examination, directory, entry, stat }: Entry): Generator<Found> {
  if (hasSeveralNames(stat)) return
  const age = ageOf(examination, stat)
  if (age < examination.older) return
  if (stat.isFile()) yield* staleFile(examination, directory, entry)
  else
    yield found(examination, {
      kind: 'malformed',
      state: 'tmp',
      entry,
      age,
      reason:
        'it is not a regular file; nothing that fsq does leaves such a thing here: move it ' +
        'elsewhere, or remove it',
    })
}

/** A file in tmp/ that is no item, if it is old enough and nobody has it locked. */
export function* staleFile(
  examination: Examination,
  directory: PinnedDirectory,
  entry: string,
): Generator<Found> {
  const path = entryPath(directory.path, entry)
  const isStale = (stat: Stats): boolean => ageOf(examination, stat) >= examination.older
  const stat = statEntry(path)
  if (stat === undefined || !isStale(stat) || readLocks()(stat)) return
  const run = (): Promise<boolean> =>
    underLock(path, async (fd) => {
      if (!isStale(statFile(fd))) return false
      unlink(path)
      await directory.sync()
      return true
    })
  const whose = /^reenqueue-\d+-[0-9a-f]{12}$/.test(entry) ? 'reenqueue' : 'enqueue'
  yield found(examination, {
    kind: 'stale',
    state: 'tmp',
    entry,
    age: ageOf(examination, stat),
    reason: `its ${whose} was cut before it was acknowledged`,
    mend: { action: 'removed', run },
  })
}

function* examineQueued(each: Entry, pinned: Pinned): Generator<Found> {
  const { examination, directory, entry, stat } = each
  const { context, limits } = examination
  const facts = { state: 'queue', entry, age: ageOf(examination, stat) } as const
  const claim = claimEntry(context, entry, { lock: false, open: false, limits })
  if ('malformed' in claim) {
    if (each.foreign) {
      yield found(examination, {
        ...facts,
        kind: 'malformed',
        reason:
          `${claim.malformed.message}, nor is any entry here an item: are FSQ_TIMEFMT, FSQ_ENCODE ` +
          'and FSQ_CHARSET those of who enqueued them?',
      })
      return
    }
    yield found(examination, {
      ...facts,
      kind: 'malformed',
      reason: claim.malformed.message,
      mend: {
        action: 'moved to fail/',
        run: () => setAside(each, pinned),
      },
    })
    return
  }
  if ('skipped' in claim) return
  yield* sameName(each, pinned, ['done', 'fail'], 'queue')
  yield* wrongOwnership(each)
  const limit = spent(claim.item, limits)
  const wasRead = stat.atimeMs > stat.ctimeMs && stat.atimeMs > stat.mtimeMs
  if ((limit === undefined && !wasRead) || readLocks()(stat)) return
  if (limit !== undefined) {
    const { tries } = claim.item
    const exhausted = limit.code === 'FSQ_MAX_TRIES'
    yield found(examination, {
      ...facts,
      kind: exhausted ? 'exhausted' : 'expired',
      age: Math.max(0, examination.now - claim.item.enqueuedAt.getTime()) / 1000,
      reason: exhausted
        ? `it was tried ${tries} of ${limits.maxTries} times`
        : `its time to live is ${limits.ttl} s`,
      mend: { action: 'moved to fail/', run: () => failSpent(each, pinned) },
    })
  } else if (statEntry(entryPath(directory.path, entry)) !== undefined) {
    // Still there after a look at the locks: nobody had it locked and has finished it meanwhile.
    yield found(examination, {
      ...facts,
      kind: 'abandoned',
      age: Math.max(0, examination.now - stat.atimeMs) / 1000,
      reason:
        'its body was read since it came here: its worker died or gave it up, or another program ' +
        'read it; its lock is free, and the next scan takes it',
      harmless: true,
    })
  }
}

function* wrongOwnership({ examination, directory, entry, stat }: Entry): Generator<Found> {
  const { settings } = examination.context
  const wrong = difference(settings, 'item', stat)
  if (wrong === undefined) return
  const { kind, reason, action } = wrong
  const facts = { kind, state: 'queue', entry, age: ageOf(examination, stat) } as const
  const path = entryPath(directory.path, entry)
  const run = (): Promise<boolean> =>
    underLock(path, async (fd) => {
      const open = statFile(fd)
      // Another name may be that of anybody's file, which somebody has linked here.
      if (hasSeveralNames(open)) throw new FsqError('FSQ_REPAIR', 'it has other names')
      const now = difference(settings, 'item', open)
      if (now === undefined) return false
      setOwnership(fd, now.ownership)
      await sync(fd)
      return true
    })
  yield hasSeveralNames(stat)
    ? found(examination, {
        ...facts,
        reason: `${reason}; it has other names, which may be anybody's: see chown(1) and chmod(1)`,
      })
    : found(examination, { ...facts, reason, mend: { action, run } })
}

function* examineFinished(each: Entry, state: 'done' | 'fail', pinned: Pinned): Generator<Found> {
  const { examination, entry, stat } = each
  const wrong = stat.isFile() ? nameError(examination, entry) : 'the entry is not a regular file'
  if (wrong !== undefined) {
    yield found(examination, {
      kind: 'malformed',
      state,
      entry,
      age: ageOf(examination, stat),
      reason:
        state === 'fail'
          ? `${wrong}; here it keeps nobody from anything`
          : `${wrong}: move it elsewhere, or remove it`,
      harmless: state === 'fail', // Where scan puts what it finds in queue/.
    })
  } else if (state === 'done') yield* sameName(each, pinned, ['fail'], 'done')
}

function nameError({ context: { reading } }: Examination, entry: string): string | undefined {
  try {
    parseItemName(fromByteString(entry, reading.charset), reading)
    return undefined
  } catch (error) {
    if (error instanceof FsqError) return error.message
    throw error
  }
}

/** Two items of one name are never made into one: which of them counts is not ours to say. */
function* sameName(
  { examination, entry, stat }: Entry,
  pinned: Pinned,
  others: readonly ItemState[],
  state: ItemState,
): Generator<Found> {
  for (const other of others) {
    const directory = pinned.get(other)
    if (directory === undefined) continue
    const there = statEntry(entryPath(directory.path, entry))
    if (there === undefined || (there.ino === stat.ino && there.dev === stat.dev)) continue
    yield found(examination, {
      kind: 'same-name',
      state,
      entry,
      age: ageOf(examination, stat),
      reason:
        `another item of that name is in ${other}/; both are kept: ` +
        (state === 'queue'
          ? 'leave this one to be worked on, or remove it'
          : 'leave them so, or remove the one that is wrong'),
    })
  }
}

/** As scan does it. */
async function setAside({ examination, entry }: Entry, pinned: Pinned): Promise<boolean> {
  const { context, limits } = examination
  const claim = claimEntry(context, entry, { lock: true, open: true, limits })
  if ('item' in claim) {
    claim.item.close()
    return false
  }
  if ('skipped' in claim) return ifGone(claim.skipped)
  try {
    const moved = await setAsideMalformed(context, entry)
    await pinned.get('queue')?.sync()
    return moved
  } finally {
    if (claim.fd !== undefined) close(claim.fd)
  }
}

/** As scan does it. */
async function failSpent({ examination, entry }: Entry, pinned: Pinned): Promise<boolean> {
  const { context, limits } = examination
  const claim = claimEntry(context, entry, { lock: true, open: true, limits })
  if ('malformed' in claim) {
    if (claim.fd !== undefined) close(claim.fd)
    return false
  }
  if ('skipped' in claim) return ifGone(claim.skipped)
  using item: Item = claim.item
  if (spent(item, limits) === undefined) return false
  await item.failPerm()
  await pinned.get('queue')?.sync()
  return true
}

/** False for what somebody else has finished; what is locked stays as it was found. */
function ifGone(skipped: 'gone' | 'locked'): false {
  if (skipped === 'gone') return false
  throw locked()
}
