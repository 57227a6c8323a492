/** The generations of tapes that a drive of LTO reads and writes. */
export interface Compatibility {
  readonly reads: readonly number[]
  readonly writes: readonly number[]
}

/**
 * The rule of LTO: a drive writes its own generation and the one before, and reads the two before; from
 * LTO-8 on it reads only the one before, and LTO-10 takes no other.
 */
export function compatibilityOf(generation: number): Compatibility {
  const [readsBefore, writesBefore] = generation < 8 ? [2, 1] : generation < 10 ? [1, 1] : [0, 0]
  return { reads: since(generation, readsBefore), writes: since(generation, writesBefore) }
}

/** That generation, and so many before it, the oldest first. */
function since(generation: number, before: number): number[] {
  const oldest = Math.max(1, generation - before)
  return Array.from({ length: generation - oldest + 1 }, (_, at) => oldest + at)
}
