/** The last bytes of what was written. */
export class Tail {
  readonly #most: number
  #pieces: Uint8Array[] = []
  #length = 0

  /** @param most - how many bytes are kept */
  constructor(most: number) {
    this.#most = most
  }

  /** Adds bytes, which are not to change afterwards. */
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#length += bytes.length
    for (let [first] = this.#pieces; first !== undefined; [first] = this.#pieces) {
      if (this.#length - first.length < this.#most) return
      this.#pieces.shift()
      this.#length -= first.length
    }
  }

  /** What is kept. */
  bytes(): Buffer {
    const all = Buffer.concat(this.#pieces)
    return all.subarray(Math.max(0, all.length - this.#most))
  }
}
