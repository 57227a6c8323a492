import { FsqError } from '../errors.js'
import { close, setOwnership, statFile } from '../posix/files.js'
import { readLocks } from '../posix/locks.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { claimEntry } from '../queue/claim.js'
import { spent } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { notBefore } from '../queue/not-before.js'
import { setAsideMalformed } from '../queue/malformed.js'
import { difference } from './difference.js'
import { type Entry, hasSeveralNames, sameName } from './entry.js'
import type { Pinned } from './examine.js'
import { ageOf, type Found, found } from './finding.js'
import { locked, underLock } from './under-lock.js'

/** What there is to say about an entry of queue/. */
export function* examineQueued(each: Entry, pinned: Pinned): Generator<Found> {
  const { examination, directory, entry, stat } = each
  const { context, limits } = examination
  const facts = { state: 'queue', entry, age: ageOf(examination, stat) } as const
  const claim = claimEntry(context, entry, { lock: false, open: false, early: true, limits })
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
  // A scan leaves an item whose time has not come, whatever else there is to say about it.
  const isEarly = notBefore(stat, examination.now) !== undefined
  const limit = isEarly ? undefined : spent(claim.item, limits, examination.now)
  const wasRead = stat.atimeMs > stat.ctimeMs && stat.atimeMs > stat.mtimeMs
  if ((limit === undefined && !wasRead) || readLocks()(stat, context.paths.directory)) return
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

/** As scan does it. */
async function setAside({ examination, entry }: Entry, pinned: Pinned): Promise<boolean> {
  const { context, limits } = examination
  const claim = claimEntry(context, entry, { lock: true, open: true, early: true, limits })
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
  const claim = claimEntry(context, entry, { lock: true, open: true, early: true, limits })
  if ('malformed' in claim) {
    if (claim.fd !== undefined) close(claim.fd)
    return false
  }
  if ('skipped' in claim) return ifGone(claim.skipped)
  using item: Item = claim.item
  if (spent(item, limits, examination.now) === undefined) return false
  await item.failPerm()
  await pinned.get('queue')?.sync()
  return true
}

/** False for what somebody else has finished; what is locked stays as it was found. */
function ifGone(skipped: string): false {
  if (skipped !== 'locked') return false
  throw locked()
}
