/**
 * Looks whether an object has only members that mean something: one that is misspelt, or belongs
 * elsewhere, must not be left out in silence.
 *
 * A signal is one that can abort, wherever there is one.
 *
 * @throws `TypeError`
 */
export function checkMembers(what: string, given: unknown, known: ReadonlySet<string>): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`Expected an object, got ${given === null ? 'null' : typeof given}`)
  for (const member in given) {
    if (known.has(member)) continue
    throw new TypeError(`Expected ${what}, got ${member}; there are ${[...known].join(', ')}`)
  }
  if ('signal' in given) checkSignal(given.signal)
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return
  throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${typeof signal}`)
}
