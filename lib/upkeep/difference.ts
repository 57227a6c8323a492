import type { Ownership } from '../posix/owner.js'
import { itemOwnership, queueOwnership } from '../queue/ownership.js'
import { type Settings, settingsTable } from '../settings.js'

/** How the owner and the mode of something are other than the settings say. */
export interface Difference {
  readonly kind: 'wrong-owner' | 'wrong-mode'
  readonly reason: string
  readonly action: string
  /** What the settings say. */
  readonly ownership: Ownership
}

/**
 * What may stay of a mode that nobody has set. An item is no program, so it has no setuid and setgid
 * bits: whoever may write to queue/ could put a shell there, and with its new owner, chmod(2) would
 * give it the bit back that chown(2) has cleared.
 */
const harmlessBits = { queue: 0o3777, item: 0o777 } as const

/** The mode without the bits that nothing gets unless the settings say so. */
export function harmlessMode(of: 'queue' | 'item', mode: number): number {
  return mode & harmlessBits[of]
}

/**
 * Compares a directory, or an item, with the settings; nothing where they agree. Owner and group count
 * where they are set, and the mode where it is not the default: install and enqueue can be told
 * other ones, and what nobody has set must not undo that, but for setuid and setgid bits that
 * are of no use there.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`, `FSQ_NO_GROUP`
 */
export function difference(
  settings: Settings,
  of: 'queue' | 'item',
  stat: { readonly uid: number; readonly gid: number; readonly mode: number },
): Difference | undefined {
  const key = `${of}Mode` as const
  const isSet = settings[key] !== settingsTable[key].fallback
  const own = stat.mode & 0o7777
  const { uid, gid, mode } = (of === 'queue' ? queueOwnership : itemOwnership)(settings, {
    mode: isSet ? settings[key] : harmlessMode(of, own),
  })
  const ownership = { uid, gid, mode }
  const [has, wants] = [`${stat.uid}:${stat.gid}`, `${uid ?? stat.uid}:${gid ?? stat.gid}`]
  if (has !== wants)
    return {
      kind: 'wrong-owner',
      reason: `it belongs to ${has}, and the settings say ${wants}`,
      action: `given to ${wants}`,
      ownership,
    }
  if (own !== mode)
    return {
      kind: 'wrong-mode',
      reason: isSet
        ? `its mode is ${octal(own)}, and the settings say ${octal(mode)}`
        : `its mode is ${octal(own)}, with setuid, setgid or sticky, which fsq never gives it`,
      action: `given the mode ${octal(mode)}`,
      ownership,
    }
  return undefined
}

/** A mode as chmod(1) takes it. */
function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
