import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { Write } from './log.js'

/** What is written to a file at once, and found to be empty at once. */
const chunkSize = 1 << 16

/** The bytes of a disk, of which most were never written. */
export class Image {
  readonly #bytes: Buffer
  /** The chunks that may have more in them than zeros. */
  readonly #used = new Set<number>()

  /** The image in a file. */
  constructor(path: string, size: number) {
    this.#bytes = Buffer.alloc(size)
    const chunk = Buffer.alloc(chunkSize)
    const fd = openSync(path, 'r')
    for (let offset = 0; offset < size; offset += chunkSize) {
      const data = chunk.subarray(0, readSync(fd, chunk, 0, chunkSize, offset))
      if (data.some((byte) => byte !== 0)) this.apply([{ offset, data }])
    }
    closeSync(fd)
  }

  /** Writes to it, and returns what takes that back. */
  apply(writes: readonly Write[]): () => void {
    const before = writes.map(({ offset, data }) => {
      const old = Buffer.from(this.#bytes.subarray(offset, offset + data.length))
      data.copy(this.#bytes, offset)
      for (let at = offset; at < offset + data.length; at += chunkSize - (at % chunkSize))
        this.#used.add(Math.floor(at / chunkSize))
      return { offset, data: old }
    })
    return () => {
      for (const { offset, data } of before.reverse()) data.copy(this.#bytes, offset)
    }
  }

  /** Writes it to a file, in place of all that was in there. */
  save(path: string): void {
    const fd = openSync(path, 'w')
    ftruncateSync(fd, this.#bytes.length)
    for (const chunk of this.#used) {
      const offset = chunk * chunkSize
      const data = this.#bytes.subarray(offset, offset + chunkSize)
      writeSync(fd, data, 0, data.length, offset)
    }
    closeSync(fd)
  }
}
