import { dirname } from 'node:path'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { reasonWithPlace } from '../posix/denied.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { setDirectoryOwnership } from '../posix/files.js'
import {
  listNames,
  makeDirectories,
  makeDirectory,
  renameDirectory,
  statEntry,
} from '../posix/names.js'
import { makeFifo } from '../posix/fifo.js'
import type { Ownership } from '../posix/owner.js'
import { hostContext, type QueueContext } from './context.js'
import { takeDown } from './down.js'
import { checkQueue, failure, noRoot } from './failure.js'
import { discardHidden, hiddenSibling, syncParent } from './hidden.js'
import { itemOwnership, type OwnerOptions, queueOwnership } from './ownership.js'
import { makeOwned } from './side-directory.js'
import { uninstallQueue } from './uninstall.js'

/*
 * Install, fsq(7). What a crash leaves after each step:
 *
 *   1. make the root where there is none, fsync its parents     an empty root
 *   2. build the whole queue in a hidden directory beside it,
 *      fsync its directories                                    a hidden directory .NAME.install-*
 *   3. rename it into place                                     the whole queue
 *   4. fsync the root                                           the whole queue, for good
 *
 * rename(2) refuses a directory that has anything in it, so a queue is never replaced, and nobody
 * ever sees half of one.
 */

/** How a queue is installed. `user`, `group` and `mode` are those of its directories. */
export interface InstallOptions extends OwnerOptions {
  /** The owner of its files: the down file and the trigger. @defaultValue FSQ_ITEM_USER */
  readonly itemUser?: string | number | undefined
  /** The group of its files. @defaultValue FSQ_ITEM_GROUP */
  readonly itemGroup?: string | number | undefined
  /** The mode of its files. @defaultValue FSQ_ITEM_MODE */
  readonly itemMode?: number | undefined
  /** Install the queue as down. @defaultValue false */
  readonly down?: boolean | undefined
  /** Make the trigger FIFO. A host queue has none. @defaultValue FSQ_USE_TRIGGER, of a host queue false */
  readonly triggered?: boolean | undefined
  /** The hosts whose queues are installed with it. A host queue has none. @defaultValue none */
  readonly hosts?: readonly string[] | undefined
  /** Make the trigger FIFO of the host queues. A host queue has none. @defaultValue false */
  readonly hostTriggered?: boolean | undefined
  /**
   * What to do where there is a queue of that name: `error`, `ignore` it, or `replace` it, which
   * removes the old queue with every item in it.
   *
   * @defaultValue `error`
   */
  readonly ifExists?: 'error' | 'ignore' | 'replace' | undefined
}

const installOptions: ReadonlySet<string> = new Set<keyof InstallOptions>([
  'user',
  'group',
  'mode',
  'itemUser',
  'itemGroup',
  'itemMode',
  'down',
  'triggered',
  'hosts',
  'hostTriggered',
  'ifExists',
])

/**
 * Installs a queue; makes the root directory too where there is none. Of a host queue, its queue has to
 * be there, and the directory of host queues is made where there is none.
 *
 * @returns false where the queue was there and was left alone.
 * @throws {@link FsqError} `FSQ_QUEUE_EXISTS`, `FSQ_NO_ROOT`, `FSQ_NO_QUEUE`, `FSQ_NO_USER`, `FSQ_NO_GROUP`,
 * `FSQ_PATH`, `FSQ_INSTALL`. Nothing is left behind then.
 */
export async function installQueue(
  queue: QueueContext,
  options: InstallOptions = {},
): Promise<boolean> {
  checkMembers('an option of install', options, installOptions)
  const { settings, name, paths } = queue
  const { ifExists = 'error' } = options
  if (!['error', 'ignore', 'replace'].includes(ifExists))
    throw new TypeError(`Expected ifExists to be error, ignore or replace, got ${ifExists}`)
  const directories = queueOwnership(settings, options)
  const files = { user: options.itemUser, group: options.itemGroup, mode: options.itemMode }
  itemOwnership(settings, files) // An unknown user is found before anything is made.
  for (const host of options.hosts ?? []) hostContext(queue, host) // The same for a bad name.
  if (options.triggered === true || options.hostTriggered === true) refuseTrigger(queue)
  if (queue.host === undefined) await makeRoot(settings.root)
  else await makeHosts(queue.host.queue, directories)
  const hidden = hiddenSibling(queue, 'install')
  let inUse = false // Nothing that anybody may have enqueued is ever removed.
  try {
    makeTop(hidden)
    await buildQueue(hidden, options, directories, files)
    while (!moveIntoPlace(hidden.paths.directory, paths.directory)) {
      if (ifExists === 'ignore') {
        checkQueue(queue)
        discardHidden(hidden)
        return false
      }
      if (ifExists !== 'replace') throw queueExists(queue)
      await uninstallQueue(queue, { force: true })
    }
    inUse = true
    await syncParent(queue).catch((error: unknown) => {
      inUse = !takenBack(queue, hidden)
      throw error
    })
    return true
  } catch (error) {
    if (!inUse) discardHidden(hidden)
    if (error instanceof FsqError || errnoOf(error) === undefined) throw error
    const attempt = `cannot install ${name}`
    throw new FsqError('FSQ_INSTALL', `${attempt}: ${reasonWithPlace(error, attempt)}`, {
      queue: name,
      path: paths.directory,
      cause: error,
    })
  }
}

/** Host queues share a trigger, which their queue has. */
function refuseTrigger({ host, name, paths }: QueueContext): void {
  if (host === undefined) return
  throw new FsqError(
    'FSQ_INSTALL',
    `cannot install ${name} with a trigger: host queues share one ` +
      `("fsq trigger --hosts ${host.queue.name}" makes it)`,
    { queue: name, path: paths.directory },
  )
}

/** Makes the root, to last: a directory is synced by syncing the one that its name is in. */
async function makeRoot(root: string): Promise<void> {
  try {
    for (const made of makeDirectories(root)) await syncDirectory(`${dirname(made)}/.`)
  } catch (cause) {
    throw noRoot('keep queues', root, cause)
  }
}

/** Makes the directory of the host queues of a queue where there is none, to last. */
async function makeHosts(queue: QueueContext, ownership: Ownership): Promise<void> {
  const { paths, name } = queue
  checkQueue(queue, [])
  try {
    makeOwned(paths.hosts, ownership)
    await syncDirectory(paths.hosts)
    await syncDirectory(`${paths.directory}/.`)
  } catch (cause) {
    const attempt = `cannot keep host queues of ${name}`
    throw failure('FSQ_INSTALL', attempt, cause, queue, { path: paths.hosts })
  }
}

function makeTop({ paths, settings }: QueueContext): void {
  try {
    makeDirectory(paths.directory, 0o700)
  } catch (cause) {
    throw noRoot('keep queues', settings.root, cause)
  }
}

/** Builds the whole queue in its directory, which is there. */
async function buildQueue(
  queue: QueueContext,
  options: InstallOptions,
  directories: Ownership,
  files: OwnerOptions,
): Promise<void> {
  const { paths, settings } = queue
  const { down, triggered = settings.useTrigger, hosts = [], hostTriggered } = options
  for (const path of [paths.tmp, paths.queue, paths.done, paths.fail]) {
    makeDirectory(path, 0o700)
    setDirectoryOwnership(path, directories)
    await syncDirectory(path)
  }
  if (down === true) takeDown(queue, files)
  if (triggered && queue.host === undefined) makeFifo(paths.trigger, itemOwnership(settings, files))
  if (hostTriggered === true) makeFifo(paths.hostsTrigger, itemOwnership(settings, files))
  if (hosts.length > 0) {
    makeDirectory(paths.hosts, 0o700)
    for (const host of new Set(hosts)) {
      const hostQueue = hostContext(queue, host)
      makeDirectory(hostQueue.paths.directory, 0o700)
      await buildQueue(hostQueue, { down }, directories, files)
    }
    setDirectoryOwnership(paths.hosts, directories)
    await syncDirectory(paths.hosts)
  }
  // Last, since its owner may from here on be somebody else.
  setDirectoryOwnership(paths.directory, directories)
  await syncDirectory(paths.directory)
}

/** Undoes 3; false where somebody uses the queue already: what is in it may have been acknowledged. */
function takenBack({ name, paths: { directory } }: QueueContext, { paths }: QueueContext): boolean {
  renameDirectory(directory, paths.directory)
  try {
    // In this order: an item that is on its way is seen where it comes from or where it goes.
    const places = [paths.queue, paths.done, paths.fail]
    if (places.every((path) => listNames(path).length === 0)) return true
    renameDirectory(paths.directory, directory)
    return false
  } catch (cause) {
    throw new FsqError(
      'FSQ_INSTALL',
      `${name} may have items, but cannot be put back: ${reasonOf(cause)}; it is in ${paths.directory}`,
      { queue: name, path: paths.directory, cause },
    )
  }
}

/** False where there is a queue of that name. */
function moveIntoPlace(from: string, to: string): boolean {
  try {
    renameDirectory(from, to)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return false
    if (errnoOf(error) === 'ENOTDIR' && statEntry(to) !== undefined) {
      throw new FsqError('FSQ_INSTALL', `cannot install ${to}: a file of that name is there`, {
        path: to,
        cause: error,
      })
    }
    throw error
  }
}

function queueExists({ name, paths, host }: QueueContext): FsqError {
  const what = host === undefined ? 'queue' : 'host queue'
  return new FsqError('FSQ_QUEUE_EXISTS', `${what} exists: ${name} (${paths.directory})`, {
    queue: name,
    path: paths.directory,
  })
}
