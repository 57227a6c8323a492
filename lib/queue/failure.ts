import { errnoOf, FsqError, type FsqErrorCode, reasonOf } from '../errors.js'
import { reasonWithPlace } from '../posix/denied.js'
import { isDirectory, listNames, statEntry } from '../posix/names.js'
import type { QueueContext, State } from './context.js'

/**
 * The error to throw for a system call that failed on a queue: it says what was attempted and why it
 * failed, and where the queue itself is the reason, it says that instead. Errors that are not the
 * system's, such as the reason of an AbortSignal, come back unchanged.
 */
export function failure(
  code: FsqErrorCode,
  attempt: string,
  cause: unknown,
  queue: QueueContext,
  fields: { readonly id?: string; readonly path?: string } = {},
): unknown {
  const errno = errnoOf(cause)
  if (cause instanceof FsqError || errno === undefined || !(cause instanceof Error)) return cause
  const missing = errno === 'ENOENT' || errno === 'ENOTDIR' ? missingQueue(queue, cause) : undefined
  if (missing !== undefined) return missing
  return new FsqError(code, `${attempt}: ${reasonWithPlace(cause, attempt, fields.path)}`, {
    queue: queue.name,
    cause,
    ...fields,
  })
}

/**
 * Looks whether there is such a queue, with all of its directories or those given.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`
 */
export function checkQueue(queue: QueueContext, directories?: readonly string[]): void {
  const missing = missingQueue(queue, undefined, directories)
  if (missing !== undefined) throw missing
}

/** A root that cannot be used, and how to name another; `attempt` is what was tried there. */
export function noRoot(attempt: string, root: string, cause: unknown): FsqError {
  const made = errnoOf(cause) === 'ENOENT' ? 'the first install makes it; or ' : ''
  return new FsqError(
    'FSQ_NO_ROOT',
    `cannot ${attempt} in ${root}: ${reasonOf(cause)}; ${made}` +
      'name another directory with -r DIR, FSQ_ROOT or the option root',
    { path: root, cause },
  )
}

/** An item that was there is not any more: somebody else finished or removed it. */
export function noItem(queue: string, id: string): FsqError {
  return new FsqError('FSQ_NO_ITEM', `item ${id} is no longer in the queue ${queue}`, { queue, id })
}

/** An entry that is no work-item, where one was named; `cause` says what is wrong with it. */
export function notWorkItem(
  { name, settings }: QueueContext,
  state: State,
  id: string,
  cause: FsqError,
): FsqError {
  const remedy =
    state === 'queue'
      ? 'whoever scans the queue moves it to fail/'
      : `move it away; if it is a file, "fsq prune --${state}" removes it as well`
  const place = `${settings[`${state}Dir`]}/ of ${name}`
  const message = `not a work-item in ${place}: ${id}: ${cause.message}; ${remedy}`
  return new FsqError(cause.code, message, { queue: name, id, cause })
}

/** Why a queue cannot be used, if it is the queue that is missing. */
export function missingQueue(
  queue: QueueContext,
  cause: unknown,
  directories: readonly string[] = allDirectories(queue),
): FsqError | undefined {
  const { name, paths, settings, host } = queue
  const missing = host && missingQueue(host.queue, cause, [])
  if (missing !== undefined) return missing
  const wrong = (message: string, path: string): FsqError =>
    new FsqError('FSQ_NO_QUEUE', message, { queue: name, path, cause })
  try {
    const root = statEntry(settings.root)
    if (root === undefined) {
      return wrong(
        `no such queue: ${name} (there is no directory ${settings.root}; "fsq install" makes it, ` +
          'FSQ_ROOT or -r names another)',
        settings.root,
      )
    }
    if (!root.isDirectory() && !root.isSymbolicLink()) {
      return wrong(
        `no such queue: ${name} (${settings.root} is not a directory; FSQ_ROOT or -r names another)`,
        settings.root,
      )
    }
    const top = statEntry(paths.directory)
    if (top === undefined) {
      return wrong(
        host === undefined
          ? `no such queue: ${name} (in ${settings.root}; "fsq install" makes queues)`
          : `no such host queue: ${name} ("fsq add-host ${host.name} ${host.queue.name}" makes it)`,
        paths.directory,
      )
    }
    if (!top.isDirectory() && !top.isSymbolicLink())
      return wrong(`not a queue: ${paths.directory} is not a directory`, paths.directory)
    for (const path of directories) {
      const entry = statEntry(path)
      if (entry?.isDirectory() === true) continue
      if (allDirectories(queue).every((each) => statEntry(each) === undefined))
        return wrong(notAQueue(queue), paths.directory)
      return wrong(
        entry === undefined
          ? `not a whole queue: ${name} has no directory ${path}; "fsq repair ${name}" makes it again`
          : `not a whole queue: ${path} is not a directory; move it elsewhere`,
        path,
      )
    }
  } catch {
    // What cannot even be looked at is not missing: the first error tells more.
  }
  return undefined
}

/** Repair makes no queue of what has nothing of one; install does where that replaces nothing. */
function notAQueue({ name, paths: { directory }, host }: QueueContext): string {
  const isEmpty = isDirectory(directory) && listNames(directory).length === 0
  const install =
    host === undefined ? `install ${name}` : `add-host ${host.name} ${host.queue.name}`
  const remedy = isEmpty ? `it is empty: "fsq ${install}" makes it one` : 'move it elsewhere'
  return `not a queue: ${directory} has none of the directories of one; ${remedy}`
}

function allDirectories({ paths: { tmp, queue, done, fail } }: QueueContext): string[] {
  return [tmp, queue, done, fail]
}
