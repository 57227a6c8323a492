import { type PinnedDirectory, statFile, type Stats } from '../posix/files.js'
import { readLocks } from '../posix/locks.js'
import { removeDirectory, statEntry, unlink } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { isSideDirectoryDraft } from '../queue/side-directory.js'
import { type Entry, hasSeveralNames } from './entry.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import { underLock } from './under-lock.js'

/** What there is to say about an entry of tmp/. */
export function* examineTmp({ examination, directory, entry, stat }: Entry): Generator<Found> {
  if (hasSeveralNames(stat)) return
  const age = ageOf(examination, stat)
  if (age < examination.older) return
  if (stat.isFile()) yield* staleFile(examination, directory, entry)
  else if (stat.isDirectory() && isSideDirectoryDraft(entry)) {
    const run = async (): Promise<boolean> => {
      removeDirectory(entryPath(directory.path, entry))
      await directory.sync()
      return true
    }
    const reason = 'it was to become a directory of the queue, and what made it was cut'
    const mend = { action: 'removed', run }
    yield found(examination, { kind: 'stale', state: 'tmp', entry, age, reason, mend })
  } else
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
  const { directory: top } = examination.context.paths
  if (stat === undefined || !isStale(stat) || readLocks()(stat, top)) return
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
