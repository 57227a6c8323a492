const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** A size by powers of 1000, as tapes are sold, and as an inventory may have it: `2.5 TB`. */
export function byteText(bytes: number): string {
  const power = Math.max(
    0,
    units.findLastIndex((_, each) => bytes >= 1000 ** each),
  )
  // One digit behind the point says enough, but must not make of 999.96 a thousand.
  const short = Math.floor((bytes / 1000 ** power) * 10) / 10
  return `${Number.isInteger(short) ? short : short.toFixed(1)} ${units[power] ?? ''}`
}

/** Two sizes that are not the same, so that they do not look so: in bytes, if that takes it. */
export function byteTexts(one: number, other: number): readonly [string, string] {
  const texts = [byteText(one), byteText(other)] as const
  return texts[0] === texts[1] ? [`${one} B`, `${other} B`] : texts
}
