import { Decoder } from '@msgpack/msgpack'
import { FsqError } from '../../errors.js'

/*
 * MessagePack, value by value, as fspl reads it. A decoder of whole trees would not tell what makes fspl
 * refuse a file (a field that is there twice, 5.0 for 5), refuses what fspl skips, and makes room for as
 * many values as an array says that it has before it looks for them.
 */

/** That metadata is none, in a word that says why. */
export function notMetadata(reason: string): FsqError {
  return new FsqError('FSQ_JOB', `the metadata are not those of a job: ${reason}`)
}

/** Containers within one another; fspl gives up at one more. */
const deepest = 1023

type Kind = 'unsigned' | 'signed' | 'text' | 'array' | 'map' | 'nil' | 'extension' | 'other'

/** What begins where the reader stands. */
interface Head {
  readonly kind: Kind
  readonly start: number
  /** Where its own bytes end: those of a container before the first value within. */
  readonly end: number
  /** How many bytes a text has, or how many values, or pairs of them, a container. */
  readonly size: number
}

const numbers = new Decoder({ useBigInt64: true })

/** Reads values one after another, from the start of its bytes. */
export class MessagePackReader {
  readonly #bytes: Buffer
  #at = 0
  #depth = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** Reads an array. What is in it is read by `read`, which must read all. */
  array<T>(what: string, read: (size: number) => T): T {
    const size = this.#arraySize(what)
    return this.#within(() => read(size))
  }

  #arraySize(what: string): number {
    const first = this.#bytes[this.#at] ?? 0
    if (first >= 0x90 && first < 0xa0) {
      this.#at++ // As most are, and much faster.
      return first & 0x0f
    }
    const { kind, size } = this.#next()
    if (kind !== 'array') throw notMetadata(`${what} is not an array`)
    return size
  }

  /** Reads the name of a field or of a variant, which may also be its index. */
  name(names: readonly string[], what: string): number {
    const { kind, start, end, size } = this.#next()
    if (kind === 'text') return names.indexOf(this.#bytes.toString('latin1', end - size, end))
    if (kind !== 'unsigned') throw notMetadata(`${what} is neither a name nor an index`)
    const index = Number(this.#number(start, end))
    return index < names.length ? index : -1
  }

  /** Reads a whole number within bounds. */
  integer(what: string, least: bigint, most: bigint): bigint {
    const { kind, start, end } = this.#next()
    if (kind !== 'unsigned' && kind !== 'signed') throw notMetadata(`${what} is not a whole number`)
    const value = BigInt(this.#number(start, end))
    if (value < least || value > most) throw notMetadata(`${what} is out of range`)
    return value
  }

  #number(start: number, end: number): number | bigint {
    const first = this.#bytes[start] ?? 0
    if (first < 0x80) return first // As many are.
    return numbers.decode(this.#bytes.subarray(start, end)) as number | bigint
  }

  /** Reads an array of bytes. */
  bytes(what: string): Uint8Array {
    return this.array(what, (size) => {
      // Each takes a byte at least.
      if (size > this.#bytes.length - this.#at) throw notMetadata('it ends early')
      const value = new Uint8Array(size)
      for (let index = 0; index < size; index++) value[index] = this.#byte(what)
      return value
    })
  }

  /** Reads an array of bytes that nobody wants. */
  skipBytes(what: string): void {
    this.array(what, (size) => {
      for (let count = size; count > 0; count--) this.#byte(what)
    })
  }

  #byte(what: string): number {
    const first = this.#bytes[this.#at] ?? 0xff
    if (first > 0x7f) return Number(this.integer(`a byte of ${what}`, 0n, 255n))
    this.#at++ // As most are, and much faster.
    return first
  }

  /**
   * Reads a structure: fields by their names, in any order, or all of them in an array. Those that are not
   * known are skipped.
   *
   * @param read - reads the value of a field, by its index
   */
  structure(what: string, fields: readonly string[], read: (field: number) => void): void {
    const { kind, size } = this.#next()
    if (kind !== 'array' && kind !== 'map') throw notMetadata(`${what} has no fields`)
    if (kind === 'array' && size !== fields.length)
      throw notMetadata(`${what} has ${size} fields, not ${fields.length}`)
    this.#within(() => {
      const missing = new Set(fields.keys())
      for (let count = 0; count < size; count++) {
        const field = kind === 'array' ? count : this.name(fields, `a field of ${what}`)
        if (field < 0) {
          this.skip()
          continue
        }
        const name = String(fields[field])
        if (!missing.delete(field)) throw notMetadata(`${what} has ${name} twice`)
        read(field)
      }
      for (const field of missing) throw notMetadata(`${what} has no ${String(fields[field])}`)
    })
  }

  /**
   * Reads which of several variants is there: its name, or a map of its name to its content.
   *
   * @returns its index; and whether a content follows, which is to be read
   */
  variant(what: string, names: readonly string[]): { variant: number; hasContent: boolean } {
    const start = this.#at
    const { kind, size } = this.#next()
    const hasContent = kind === 'map'
    if (!hasContent) this.#at = start
    else if (size !== 1) throw notMetadata(`${what} is not a map of one`)
    const variant = this.name(names, what)
    if (variant < 0) throw notMetadata(`${what} is not known`)
    return { variant, hasContent }
  }

  /** Reads nothing: the content of a variant that has none. */
  nil(what: string): void {
    if (this.#next().kind !== 'nil') throw notMetadata(`${what} has a content`)
  }

  /** Reads any value. */
  skip(): void {
    const { kind, size } = this.#next()
    if (kind !== 'array' && kind !== 'map' && kind !== 'extension') return
    this.#within(() => {
      const values = kind === 'extension' ? 0 : kind === 'map' ? 2 * size : size
      for (let count = values; count > 0; count--) this.skip()
    })
  }

  #within<T>(read: () => T): T {
    if (this.#depth === deepest) throw notMetadata('it is nested too deep')
    this.#depth++
    const value = read()
    this.#depth--
    return value
  }

  /** Goes over the own bytes of the next value. */
  #next(): Head {
    const head = headAt(this.#bytes, this.#at)
    if (head === undefined || head.end > this.#bytes.length) throw notMetadata('it ends early')
    this.#at = head.end
    return head
  }
}

/** Values from 0xc0 on: their kind, how many bytes follow, and how many bytes their size has. */
const markers: readonly (readonly [kind: Kind, bytes: number, sizeBytes?: number] | undefined)[] = [
  ['nil', 0],
  undefined, // Never used.
  ['other', 0],
  ['other', 0],
  ['text', 0, 1], // Bytes serve as a name as well.
  ['text', 0, 2],
  ['text', 0, 4],
  ['extension', 1, 1], // Extensions, with a byte for their type.
  ['extension', 1, 2],
  ['extension', 1, 4],
  ['other', 4], // Floats.
  ['other', 8],
  ['unsigned', 1],
  ['unsigned', 2],
  ['unsigned', 4],
  ['unsigned', 8],
  ['signed', 1],
  ['signed', 2],
  ['signed', 4],
  ['signed', 8],
  ['extension', 2], // Extensions of 1, 2, 4, 8 and 16 bytes.
  ['extension', 3],
  ['extension', 5],
  ['extension', 9],
  ['extension', 17],
  ['text', 0, 1],
  ['text', 0, 2],
  ['text', 0, 4],
  ['array', 0, 2],
  ['array', 0, 4],
  ['map', 0, 2],
  ['map', 0, 4],
]

/** What begins at an offset; nothing where the bytes end. */
function headAt(bytes: Buffer, start: number): Head | undefined {
  const first = bytes[start]
  if (first === undefined) return undefined
  const end = start + 1
  if (first < 0x80) return { kind: 'unsigned', start, end, size: 0 }
  if (first < 0x90) return { kind: 'map', start, end, size: first & 0x0f }
  if (first < 0xa0) return { kind: 'array', start, end, size: first & 0x0f }
  if (first < 0xc0) return { kind: 'text', start, end: end + (first & 0x1f), size: first & 0x1f }
  if (first >= 0xe0) return { kind: 'signed', start, end, size: 0 }
  const marker = markers[first - 0xc0]
  if (marker === undefined) throw notMetadata('it has a byte that is no MessagePack')
  const [kind, length, sizeBytes] = marker
  if (sizeBytes === undefined) return { kind, start, end: end + length, size: 0 }
  if (end + sizeBytes > bytes.length) return undefined
  const size = bytes.readUIntBE(end, sizeBytes)
  const isContainer = kind === 'array' || kind === 'map'
  return { kind, start, end: end + sizeBytes + length + (isContainer ? 0 : size), size }
}
