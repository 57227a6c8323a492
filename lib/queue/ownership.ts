import { groupId, type Ownership, userId } from '../posix/owner.js'
import type { Settings } from '../settings.js'

/** Whom what is made belongs to. */
export interface OwnerOptions {
  /** The owner, a name or an id. @defaultValue FSQ_ITEM_USER, for install FSQ_QUEUE_USER */
  readonly user?: string | number | undefined
  /** The group, a name or an id. @defaultValue FSQ_ITEM_GROUP, for install FSQ_QUEUE_GROUP */
  readonly group?: string | number | undefined
  /** The mode, whatever the umask. @defaultValue FSQ_ITEM_MODE, for install FSQ_QUEUE_MODE */
  readonly mode?: number | undefined
}

/**
 * The owner and the mode of an item, a down file or a trigger.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`, `FSQ_NO_GROUP`
 */
export function itemOwnership(settings: Settings, options: OwnerOptions): Ownership {
  const { user = settings.itemUser, group = settings.itemGroup, mode = settings.itemMode } = options
  return toOwnership(user, group, mode)
}

/**
 * The owner and the mode of the directories of a queue.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`, `FSQ_NO_GROUP`
 */
export function queueOwnership(settings: Settings, options: OwnerOptions): Ownership {
  const { queueUser, queueGroup, queueMode } = settings
  const { user = queueUser, group = queueGroup, mode = queueMode } = options
  return toOwnership(user, group, mode)
}

function toOwnership(
  user: string | number | undefined,
  group: string | number | undefined,
  mode: number,
): Ownership {
  return {
    uid: user === undefined ? undefined : userId(String(user)),
    gid: group === undefined ? undefined : groupId(String(group)),
    mode: checkMode(mode),
  }
}

function checkMode(mode: number): number {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777) return mode
  throw new TypeError(`Expected \`mode\` to be a file mode such as 0o640, got ${String(mode)}`)
}
