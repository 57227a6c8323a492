import { frame } from '../../lib/adapters/filespooler/header.js'
import { crc32 } from '../../lib/crc32.js'
import { randomNumbers } from './random.js'

/*
 * Files that are nearly those of jobs: metadata in all forms that MessagePack has for them, with a mistake
 * here and there, and bytes that were changed after that, with right and with wrong checksums.
 */

/** Makes files, the same for the same seed. */
export class FilespoolerCases {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = randomNumbers(seed)
  }

  /** The next file. */
  next(): Buffer {
    const metadata = this.#once(0.02) ? this.#bytes(40) : this.#metadata()
    if (this.#once(0.12)) this.#damage(metadata, 1 + this.#below(3))
    const cut = this.#once(0.04) ? this.#below(metadata.length + 1) : metadata.length
    const trailing = this.#once(0.1) ? this.#bytes(6) : Buffer.alloc(0)
    const file = Buffer.concat([
      frame(Buffer.concat([metadata.subarray(0, cut), trailing])),
      this.#once(0.5) ? this.#bytes(20) : Buffer.alloc(0),
    ])
    if (this.#once(0.05)) this.#changePrefix(file)
    if (this.#once(0.02)) this.#damage(file, 1)
    return this.#once(0.04) ? file.subarray(0, this.#below(file.length)) : file
  }

  #changePrefix(file: Buffer): void {
    const length = file.readBigUInt64BE(14)
    const lengths = [
      0n,
      length - 1n,
      length + 1n,
      2n ** 24n,
      2n ** 24n + 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ]
    if (this.#once(0.2)) file.writeUInt16BE(this.#below(3), 12)
    else file.writeBigUInt64BE(BigInt.asUintN(64, this.#of(lengths)), 14)
    file.writeUInt32BE(crc32(file.subarray(0, 26)), 26)
  }

  #damage(bytes: Buffer, times: number): void {
    for (let time = 0; time < times && bytes.length > 0; time++)
      bytes[this.#below(bytes.length)] = this.#once(0.5)
        ? this.#below(256)
        : this.#of([
            0x80, 0x81, 0x83, 0x90, 0x91, 0x92, 0xa3, 0xc0, 0xc4, 0xca, 0xcc, 0xd0, 0xd3, 0xff,
          ])
  }

  #metadata(): Buffer {
    return this.#structure(
      ['seq', 'ctime', 'cmd_type'],
      [
        this.#mostly(() =>
          this.#integer(
            this.#of([0n, 1n, 5n, 127n, 128n, 300n, 70_000n, 2n ** 33n, 2n ** 64n - 1n]),
          ),
        ),
        this.#mostly(() => this.#time()),
        this.#mostly(() => this.#command()),
      ],
    )
  }

  #time(): Buffer {
    const seconds = this.#once(0.1)
      ? this.#of([2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 9_000_000_000_000n, -9_000_000_000_000n])
      : this.#of([
          0n,
          -1n,
          -33n,
          -200n,
          -40_000n,
          -(2n ** 40n),
          1_700_000_000n,
          2n ** 31n,
          2n ** 42n,
        ])
    const nanoseconds = this.#once(0.1)
      ? this.#of([1_500_000_000n, 2_000_000_000n, 2n ** 32n - 1n, 2n ** 32n, -1n])
      : this.#of([0n, 127n, 999_999_999n, 1_000_000_000n])
    const parts = [seconds, nanoseconds, 0n].slice(0, this.#once(0.05) ? this.#below(4) : 2)
    return this.#array(parts.map((part) => this.#integer(part)))
  }

  #command(): Buffer {
    const [name, index] = this.#of([
      ['Command', 0n],
      ['Command', 0n],
      ['NOP', 1n],
      ['Fail', 2n],
      ['nop', 3n],
    ] as const)
    const variant = this.#once(0.25) ? this.#integer(index) : this.#text(name)
    if (index !== 0n && this.#once(0.7)) return variant
    const content =
      index === 0n
        ? this.#mostly(() => this.#commandData())
        : this.#mostly(() => Buffer.from([0xc0]))
    const pairs = this.#once(0.05) ? this.#below(3) : 1
    const entries = Array.from({ length: pairs }, () => [variant, content]).flat()
    return this.#once(0.04)
      ? this.#array([variant, content].slice(this.#below(2)))
      : this.#map(entries)
  }

  #commandData(): Buffer {
    const text = (): Buffer => this.#mostly(() => this.#byteArray())
    const pair = (): Buffer =>
      this.#array([text(), text(), text()].slice(0, this.#once(0.04) ? 3 : 2))
    return this.#structure(
      ['params', 'env'],
      [
        this.#mostly(() => this.#array(this.#several(3, text))),
        this.#mostly(() => this.#array(this.#several(3, pair))),
      ],
    )
  }

  #byteArray(): Buffer {
    const length = this.#once(0.1) ? 15 + this.#below(30) : this.#below(6)
    const values = Array.from({ length }, () => {
      if (this.#once(0.005)) return this.#of([256n, -1n, 2n ** 32n])
      return BigInt(this.#below(256))
    })
    return this.#array(values.map((value) => this.#integer(value)))
  }

  /** Fields in some order, or all in an array; some more, some twice, some not there. */
  #structure(names: readonly string[], values: readonly Buffer[]): Buffer {
    if (this.#once(0.15))
      return this.#array(this.#once(0.1) ? [...values, this.#any(0)].slice(this.#below(3)) : values)
    const pairs = values.map((value, index) => {
      const name = this.#once(0.1) ? this.#integer(BigInt(index)) : this.#text(String(names[index]))
      return [name, value] as const
    })
    if (this.#once(0.3))
      pairs.push([
        this.#of([this.#text('more'), this.#text('__proto__'), this.#integer(9n)]),
        this.#once(0.1) ? this.#nested() : this.#any(0),
      ])
    if (this.#once(0.02)) pairs.push(this.#of(pairs))
    if (this.#once(0.02)) pairs.push([this.#any(0), this.#any(0)])
    if (this.#once(0.02)) pairs.splice(this.#below(pairs.length), 1)
    if (this.#once(0.4)) pairs.reverse()
    if (this.#once(0.2)) pairs.push(...pairs.splice(0, 1))
    return this.#map(pairs.flat())
  }

  /** What is to be there, but for once in a hundred times. */
  #mostly(make: () => Buffer): Buffer {
    return this.#once(0.01) ? this.#any(0) : make()
  }

  /** Any value at all. */
  #any(depth: number): Buffer {
    const deep =
      depth > 3
        ? []
        : [
            () => this.#array(this.#several(4, () => this.#any(depth + 1))),
            () =>
              this.#map(
                this.#several(3, () => [this.#any(depth + 1), this.#any(depth + 1)]).flat(),
              ),
            () => this.#nested(),
          ]
    return this.#of<() => Buffer>([
      ...deep,
      () => this.#integer(this.#of([0n, 5n, -5n, 2n ** 40n, -(2n ** 40n)])),
      () =>
        this.#text(
          this.#of(['', 'x', 'NOP', '__proto__', 'é', 'a longer text of more than 31 bytes']),
        ),
      () => Buffer.concat([Buffer.from([0xa2]), this.#bytesOf(2)]),
      () => Buffer.from([this.#of([0xc0, 0xc2, 0xc3])]),
      () => Buffer.concat([Buffer.from([0xca]), this.#bytesOf(4)]),
      () => Buffer.concat([Buffer.from([0xcb]), this.#bytesOf(8)]),
      () => this.#extension(),
    ])()
  }

  /** Containers within one another, about as many as fspl takes. */
  #nested(): Buffer {
    const levels = 1019 + this.#below(5)
    const level = this.#of([[0x91], [0x81, 0x01], [0x81, 0xa0]])
    const within = this.#of([Buffer.from([5]), Buffer.from([0x90]), this.#extension()])
    return Buffer.concat([Buffer.from(Array.from({ length: levels }, () => level).flat()), within])
  }

  #extension(): Buffer {
    const [marker, length] = this.#of([
      [[0xd4], 2],
      [[0xd6], 5],
      [[0xd8], 17],
      [[0xc7, 3], 4],
      [[0xc8, 0, 2], 3],
      [[0xc9, 0, 0, 0, 0], 1],
    ] as const)
    return Buffer.concat([Buffer.from(marker), this.#bytesOf(length)])
  }

  /** A number in one of the forms that hold it. */
  #integer(value: bigint): Buffer {
    const forms: Buffer[] = []
    if (value >= 0n && value < 128n) forms.push(Buffer.from([Number(value)]))
    if (value < 0n && value >= -32n) forms.push(Buffer.from([0x100 + Number(value)]))
    for (const [at, bits] of [8, 16, 32, 64].entries()) {
      const content = Buffer.alloc(8)
      content.writeBigUInt64BE(BigInt.asUintN(64, value))
      const bytes = content.subarray(8 - bits / 8)
      if (BigInt.asUintN(bits, value) === value) forms.push(Buffer.from([0xcc + at, ...bytes]))
      if (BigInt.asIntN(bits, value) === value) forms.push(Buffer.from([0xd0 + at, ...bytes]))
    }
    return this.#once(0.6) ? (forms[0] ?? Buffer.from([0])) : this.#of(forms)
  }

  #text(text: string): Buffer {
    const bytes = Buffer.from(text)
    const { length } = bytes
    const heads = [
      ...(length < 32 ? [[0xa0 + length]] : []),
      [0xd9, length],
      [0xda, 0, length],
      [0xdb, 0, 0, 0, length],
      [0xc4, length],
      [0xc6, 0, 0, 0, length],
    ]
    return Buffer.concat([Buffer.from(this.#once(0.7) ? (heads[0] ?? []) : this.#of(heads)), bytes])
  }

  #array(values: readonly Buffer[]): Buffer {
    return this.#container(values.length, [0x90, 0xdc, 0xdd], values)
  }

  #map(namesAndValues: readonly Buffer[]): Buffer {
    return this.#container(namesAndValues.length / 2, [0x80, 0xde, 0xdf], namesAndValues)
  }

  #container(
    size: number,
    [fixed = 0, word = 0, long = 0]: readonly number[],
    values: readonly Buffer[],
  ): Buffer {
    const announced = this.#once(0.004) ? this.#of([size + 1, Math.max(size - 1, 0), 0xffff]) : size
    const heads = [
      ...(announced < 16 ? [[fixed + announced]] : []),
      [word, announced >> 8, announced & 0xff],
      [long, 0, 0, announced >> 8, announced & 0xff],
    ]
    return Buffer.concat([
      Buffer.from(this.#once(0.8) ? (heads[0] ?? []) : this.#of(heads)),
      ...values,
    ])
  }

  #several<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#below(most + 1) }, make)
  }

  #bytes(most: number): Buffer {
    return this.#bytesOf(this.#below(most + 1))
  }

  #bytesOf(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#below(256)))
  }

  #once(chance: number): boolean {
    return this.#random() < chance
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #of<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T
  }
}
