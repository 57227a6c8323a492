import { errnoOf } from '../errors.js'
import { syncDirectory } from '../posix/directory-sync.js'
import {
  close,
  openDirectory,
  setDirectoryOwnership,
  setOwnership,
  statFile,
} from '../posix/files.js'
import { makeDirectory, moveNoReplace, statEntry } from '../posix/names.js'
import type { QueueContext } from '../queue/context.js'
import { discardHidden, hiddenSibling } from '../queue/hidden.js'
import { makeOwned } from '../queue/side-directory.js'
import { difference, harmlessMode } from './difference.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import { type ItemState, itemStates } from './list-items.js'

/*
 * The directory of a queue and the four in it. A missing one is built beside the queue, as install
 * does it, with the owner and mode of the queue's own directory, and moved to its place; a crash
 * leaves a hidden directory as that of an install.
 */

/** The queue's own directory, then the four; each that is there is checked for owner and mode. */
export function* examineDirectories(examination: Examination): Generator<Found> {
  const { context } = examination
  // A link to a queue elsewhere is good; with the dot it is that queue.
  yield* examineMode(examination, `${context.paths.directory}/.`)
  for (const state of itemStates) {
    const path = context.paths[state]
    const stat = statEntry(path)
    if (stat === undefined) {
      yield found(examination, {
        kind: 'missing-directory',
        state,
        reason: 'it is not there',
        mend: { action: 'made again', run: () => makeAgain(context, path) },
      })
    } else if (!stat.isDirectory()) {
      const what = stat.isSymbolicLink() ? 'a symbolic link' : 'something else'
      yield found(examination, {
        kind: 'not-a-directory',
        state,
        age: ageOf(examination, stat),
        reason: `${what} is in its place; it is not followed, and nothing behind it was looked at`,
      })
    } else yield* examineMode(examination, path, state)
  }
}

function* examineMode(examination: Examination, path: string, state?: ItemState): Generator<Found> {
  const stat = statEntry(path)
  if (stat === undefined) return
  const facts = { state, age: ageOf(examination, stat) }
  const { settings } = examination.context
  const wrong = difference(settings, 'queue', stat)
  if (wrong !== undefined) {
    const { kind, reason, action } = wrong
    const run = async (): Promise<boolean> => {
      const fd = openDirectory(path)
      try {
        const now = difference(settings, 'queue', statFile(fd))
        if (now === undefined) return false
        setOwnership(fd, now.ownership)
      } finally {
        close(fd)
      }
      await syncDirectory(path)
      return true
    }
    yield found(examination, { ...facts, kind, reason, mend: { action, run } })
  } else if ((stat.mode & 0o002) !== 0 && (stat.mode & 0o7777) !== settings.queueMode) {
    yield found(examination, {
      ...facts,
      kind: 'world-writable',
      reason: 'anybody may put items there, and remove them; see chmod(1)',
    })
  }
}

/** How often a directory is built anew when another repair has taken it for a leftover. */
const attempts = 5

async function makeAgain(context: QueueContext, path: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await makeOnce(context, path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || attempt === attempts) throw error
    }
  }
}

/** False where it is there meanwhile, or the queue is gone. */
async function makeOnce(context: QueueContext, path: string): Promise<boolean> {
  const top = statEntry(`${context.paths.directory}/.`)
  if (top === undefined) return false
  const ownership = { uid: top.uid, gid: top.gid, mode: harmlessMode('queue', top.mode) }
  const hidden = hiddenSibling(context, 'install')
  const built = hidden.paths.directory
  makeDirectory(built, 0o700)
  try {
    setDirectoryOwnership(built, ownership)
    await syncDirectory(built)
    moveNoReplace(built, path)
  } catch (error) {
    discardHidden(hidden)
    if (errnoOf(error) === 'EEXIST') return false // Somebody else was faster.
    if (errnoOf(error) !== 'EXDEV') throw error
    // The queue is a link to another file system. A crash leaves a directory whose owner and mode are mended then.
    makeOwned(path, ownership)
    await syncDirectory(path)
  }
  await syncDirectory(`${context.paths.directory}/.`)
  return true
}
