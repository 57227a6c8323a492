import type { Reason } from './reason.js'

/**
 * Those that pass, or all, with the reasons, if none does: so what is asked next is asked even if this is not
 * so, and of those only for which it matters.
 */
export function narrow<T>(
  all: readonly T[],
  reasons: Reason[],
  passes: (each: T) => boolean,
  why: (all: readonly T[]) => readonly Reason[],
): readonly T[] {
  const some = all.filter(passes)
  if (some.length > 0) return some
  reasons.push(...why(all))
  return all
}

/** Names for a sentence: the first few, and how many others. */
export function listed(names: readonly string[], most = 3): string {
  const others = names.length - most
  if (others > 0) return `${names.slice(0, most).join(', ')} and ${others} more`
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}

/** Each once. */
export function unique<T>(all: readonly T[]): readonly T[] {
  return [...new Set(all)]
}
