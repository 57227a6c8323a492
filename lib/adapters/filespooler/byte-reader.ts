import type { Readable } from 'node:stream'

/** Reads bytes from a stream, so many at a time, and then the rest. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  #held: Uint8Array = new Uint8Array()

  constructor(stream: Readable | AsyncIterable<Uint8Array>) {
    this.#pieces = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  }

  /** So many bytes; fewer where the stream ends before. */
  async pull(length: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let missing = length
    while (missing > 0) {
      if (this.#held.length === 0 && !(await this.#more())) break
      const piece = this.#held.subarray(0, missing)
      this.#held = this.#held.subarray(piece.length)
      pieces.push(piece)
      missing -= piece.length
    }
    return pieces.length === 1 ? (pieces[0] ?? new Uint8Array()) : Buffer.concat(pieces)
  }

  /** What has not been pulled. */
  async *rest(): AsyncGenerator<Uint8Array> {
    do {
      if (this.#held.length > 0) yield this.#held
    } while (await this.#more())
  }

  async #more(): Promise<boolean> {
    const next = await this.#pieces.next()
    if (next.done === true) return false
    this.#held = next.value
    return true
  }
}
