import type { PinnedDirectory } from '../posix/files.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { isHidden } from '../queue/list-entries.js'
import { turn } from '../turn.js'
import { type Entry, hasSeveralNames, nameError, sameName } from './entry.js'
import type { Pinned } from './examine.js'
import { examineQueued } from './examine-queued.js'
import { examineTmp } from './examine-tmp.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import type { ItemState } from './list-items.js'

/*
 * The entries of each directory, one at a time, in the order in which the directory gives them, so that
 * a queue of any size takes constant memory. Files with several names are only counted here.
 */

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
