/** The words of a line, which blanks and tabs separate. */
export function wordsOf(line: Uint8Array): Buffer[] {
  const words: Buffer[] = []
  let start: number | undefined
  for (let at = 0; at <= line.length; at++) {
    const isBlank = at === line.length || line[at] === 0x20 || line[at] === 0x09
    if (!isBlank) start ??= at
    else if (start !== undefined) {
      words.push(Buffer.from(line.subarray(start, at)))
      start = undefined
    }
  }
  return words
}

/** The seconds of the epoch that a word is, if it is a whole number of them that a date can have. */
export function epochSeconds(word: Buffer | undefined): number | undefined {
  const seconds = wholeNumber(word)
  return seconds !== undefined && seconds <= lastSecond ? seconds : undefined
}

/** The end of what a Date can say, ECMAScript. */
const lastSecond = 8.64e12

/** The number that a word is, if it is a whole one that a number can hold. */
export function wholeNumber(word: Buffer | undefined): number | undefined {
  const text = word?.toString('latin1') ?? ''
  if (!/^[0-9]{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
