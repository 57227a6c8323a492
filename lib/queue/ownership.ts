import { statEntry } from '../posix/names.js'
import { groupId, type Ownership, userId } from '../posix/owner.js'
import { type Settings, usingSetting } from '../settings.js'
import type { QueueContext } from './context.js'

/** Whom what is made belongs to. */
export interface OwnerOptions {
  /** The owner, a name or an id. @defaultValue FSQ_ITEM_USER, for install FSQ_QUEUE_USER */
  readonly user?: string | number | undefined
  /** The group, a name or an id. @defaultValue FSQ_ITEM_GROUP, for install FSQ_QUEUE_GROUP */
  readonly group?: string | number | undefined
  /** The mode, whatever the umask. @defaultValue FSQ_ITEM_MODE, for install FSQ_QUEUE_MODE */
  readonly mode?: number | undefined
}

/** The names of {@link OwnerOptions}. */
export const ownerOptions: ReadonlySet<keyof OwnerOptions> = new Set(['user', 'group', 'mode'])

/**
 * The owner and the mode of an item, a down file or a trigger.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`, `FSQ_NO_GROUP`
 */
export function itemOwnership(settings: Settings, options: OwnerOptions): Ownership {
  const { user, group, mode = settings.itemMode } = options
  return {
    uid: idOf(user, userId, settings, 'itemUser'),
    gid: idOf(group, groupId, settings, 'itemGroup'),
    mode: checkMode(mode),
  }
}

/**
 * The owner and the mode of the directories of a queue.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`, `FSQ_NO_GROUP`
 */
export function queueOwnership(settings: Settings, options: OwnerOptions): Ownership {
  const { user, group, mode = settings.queueMode } = options
  return {
    uid: idOf(user, userId, settings, 'queueUser'),
    gid: idOf(group, groupId, settings, 'queueGroup'),
    mode: checkMode(mode),
  }
}

/**
 * The owner and the mode of what a queue has beside its items, so that whoever may use the queue may use that: those
 * of queue/, whatever the settings of who makes it say.
 */
export function ownershipLikeQueue({ paths, settings }: QueueContext): Ownership {
  const stat = statEntry(paths.queue)
  if (stat === undefined) return { mode: settings.queueMode } // Whoever goes on finds out.
  const { uid, gid, mode } = stat
  return { uid, gid, mode: mode & 0o7777 }
}

/** The id of the user or group that is given, or else of the one that the setting names, if any. */
function idOf(
  given: string | number | undefined,
  find: (name: string) => number,
  settings: Settings,
  key: 'itemUser' | 'itemGroup' | 'queueUser' | 'queueGroup',
): number | undefined {
  if (given !== undefined) return find(String(given))
  const name = settings[key]
  return name === undefined ? undefined : usingSetting(settings, key, () => find(name))
}

function checkMode(mode: number): number {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777) return mode
  throw new TypeError(`Expected \`mode\` to be a file mode such as 0o640, got ${String(mode)}`)
}
