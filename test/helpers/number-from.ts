/**
 * The whole number that a variable holds; throws a `TypeError` where it holds anything else, since
 * nothing might be tested then.
 */
export function numberFrom(
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
  otherwise: number,
): number {
  const text = env[variable] ?? String(otherwise)
  if (!/^[0-9]+$/.test(text)) throw new TypeError(`Expected ${variable} to be a number: ${text}`)
  return Number(text)
}
