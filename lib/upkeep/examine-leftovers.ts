import { errnoOf, FsqError, reasonOf } from '../errors.js'
import {
  isDirectory,
  listNames,
  removeTree,
  renameDirectory,
  statEntry,
  walkNames,
} from '../posix/names.js'
import { countArriving, foreignEntry, waitingDirectories } from '../queue/contents.js'
import { type QueueContext, queuePaths } from '../queue/context.js'
import { hiddenPrefix, hiddenSibling, syncParent } from '../queue/hidden.js'
import { isHidden } from '../queue/list-entries.js'
import { ageOf, type Examination, type Found, found } from './finding.js'

/*
 * The hidden directories that a cut install or uninstall leaves beside a queue (lib/queue/hidden.ts).
 *
 * An install builds an empty queue there, so one that is empty is removed.
 *
 * An uninstall moves the queue there and then looks for items that wait. Cut between the two, it may
 * have left an item that was acknowledged a moment before the move; and nothing tells that from an
 * uninstall that was forced to lose its items. So where an item waits it is left to somebody who
 * knows. Where none does, the uninstall was decided whenever it was cut, and is finished: what is in
 * done/ and fail/ goes, as it was asked to.
 */

/** The hidden directories of a queue, whether or not the queue itself is there. */
export function* examineLeftovers(examination: Examination): Generator<Found> {
  const { context, older } = examination
  const { parent } = context.paths
  if (context.host !== undefined && !isDirectory(parent)) return
  for (const entry of walkNames(parent)) {
    const why = leftoverOf(context, entry)
    if (why === undefined) continue
    const path = `${parent}/${Buffer.from(entry, 'latin1').toString()}`
    const stat = statEntry(path)
    if (stat?.isDirectory() !== true) continue
    const age = ageOf(examination, stat)
    if (age < older) continue
    const facts = { kind: `${why}-leftover`, path, age } as const
    const hidden = { ...context, paths: queuePaths(context.settings, path) }
    const obstacle = obstacleTo(why, hidden)
    if (obstacle !== undefined) yield found(examination, { ...facts, reason: obstacle })
    else {
      const reason = {
        install: 'its install was cut before the queue appeared',
        uninstall: 'its uninstall was cut, and no item waits in it',
      }[why]
      const run = (): Promise<boolean> => remove(why, hidden)
      yield found(examination, { ...facts, reason, mend: { action: 'removed', run } })
    }
  }
}

function leftoverOf(queue: QueueContext, entry: string): 'install' | 'uninstall' | undefined {
  const prefix = Buffer.from(hiddenPrefix(queue)).toString('latin1')
  if (!entry.startsWith(prefix)) return undefined
  const [, why] = /^(install|uninstall)-[0-9a-f]{12}$/.exec(entry.slice(prefix.length)) ?? []
  return why as 'install' | 'uninstall' | undefined
}

/** Why it may not be removed, if so. */
function obstacleTo(why: 'install' | 'uninstall', hidden: QueueContext): string | undefined {
  const { paths } = hidden
  try {
    const foreign = foreignEntry(hidden, paths.directory)
    if (foreign !== undefined)
      return `it has ${foreign}, which is no part of a queue; move it elsewhere`
    if (why === 'install') {
      const places = [paths.tmp, paths.queue, paths.done, paths.fail]
      const full = places.find((path) => isDirectory(path) && listNames(path).length > 0)
      return full === undefined ? undefined : `install leaves nothing in ${full}; look what it is`
    }
    const waiting = waitingDirectories(hidden, paths).filter(isDirectory)
    return countArriving(hidden, paths) > 0 || waiting.some((path) => hasItem(path, hidden))
      ? 'its uninstall was cut, and items wait in it, or in .incoming/: move them to queue/ of a queue, or remove it'
      : undefined
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    if (errno === 'ENOENT') return undefined // Somebody removes it at the same time.
    return `it cannot be looked into: ${reasonOf(error)}`
  }
}

function hasItem(directory: string, context: QueueContext): boolean {
  for (const entry of walkNames(directory)) if (!isHidden(entry, context)) return true
  return false
}

/**
 * Removes it under a fresh name of our own. Under the name by which it was found, its install may
 * still move it to its place, or its uninstall back there, while it is emptied; after the rename
 * whichever of them comes second fails. So what is looked at then is what is removed.
 */
async function remove(why: 'install' | 'uninstall', hidden: QueueContext): Promise<boolean> {
  const { directory } = hidden.paths
  if (!isDirectory(directory) || obstacleTo(why, hidden) !== undefined) return false
  const ours = hiddenSibling(hidden, why)
  try {
    renameDirectory(directory, ours.paths.directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false // Somebody else was faster.
    throw error
  }
  const obstacle = obstacleTo(why, ours)
  if (obstacle !== undefined) {
    // It is not put back: whose it was has failed, and removes what it finds under the old name.
    const { directory: path } = ours.paths
    throw new FsqError('FSQ_REPAIR', `it is ${path} now, since ${obstacle}`, { path })
  }
  if (!removedTree(ours.paths.directory)) return false
  await syncParent(hidden)
  return true
}

/** False where another repair has taken it for a leftover under our name, and removes it. */
function removedTree(directory: string): boolean {
  while (isDirectory(directory)) {
    try {
      removeTree(directory)
      return true
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error // What is still there goes next.
    }
  }
  return false
}
