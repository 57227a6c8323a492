/** A line of a file. */
export interface FileLine {
  /** Its bytes, without the line break. */
  readonly bytes: Buffer
  /** Counted from 1. */
  readonly number: number
  /** Where it begins in the file, in bytes. */
  readonly offset: number
  /** False for a last line without a line break: somebody may still be writing it. */
  readonly complete: boolean
}

/**
 * No line is longer, in bytes: what is longer is no line of an ftpcluster, and would fill the memory.
 */
export const longestLine = 64 * 1024

/**
 * The lines of a file, however large that is. The last one, if it has no line break, is told as not
 * complete; so is nothing of an empty file.
 *
 * @throws `RangeError` for a line that is longer than 64 KiB.
 */
export async function* linesOf(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<FileLine> {
  let rest = Buffer.alloc(0)
  let number = 1
  let offset = 0
  for await (const piece of source) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece])
    let start = 0
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
      const bytes = rest.subarray(start, end)
      checkLength(bytes, number)
      yield { bytes, number: number++, offset, complete: true }
      offset += bytes.length + 1
      start = end + 1
    }
    rest = rest.subarray(start)
    checkLength(rest, number)
  }
  if (rest.length > 0) yield { bytes: rest, number, offset, complete: false }
}

function checkLength({ length }: Buffer, number: number): void {
  if (length > longestLine)
    throw new RangeError(`line ${number} is longer than ${longestLine} bytes; it is no queue file`)
}

/** Whether there is nothing in a line. */
export function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09)
}
