const prefixes = 'KMGTP'

/**
 * How many bytes that is: a number, or one with its unit as `2.5 TB` (powers of 1000) or `1500 GiB` (of 1024),
 * rounded to a whole byte. The form is that of the schema.
 */
export function bytesOf(given: number | string): number {
  if (typeof given === 'number') return given
  const [, number = '', prefix = '', binary] = /^([0-9.]+) ?([kKMGTP]?)(i?)B$/.exec(given) ?? []
  const power = prefix === '' ? 0 : prefixes.indexOf(prefix.toUpperCase()) + 1
  return Math.round(Number(number) * (binary === 'i' ? 1024 : 1000) ** power)
}
