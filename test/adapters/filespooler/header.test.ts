import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import {
  decodeHeader,
  encodeHeader,
  frame,
  type Header,
  longestMetadata,
} from '../../../lib/adapters/filespooler/header.js'
import type { Job } from '../../../lib/adapters/filespooler/job.js'
import { readHeader, readHeaderFrom } from '../../../lib/adapters/filespooler/read-header.js'
import { whyUnsafe } from '../../../lib/adapters/filespooler/screen.js'
import { crc32 } from '../../../lib/crc32.js'
import { bytesOf, pathOf, said, saidOf, vectors } from '../../helpers/filespooler-vectors.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

/** Our words for what is wrong with the vectors that fspl does not read. */
const reasons: Readonly<Record<string, RegExp>> = {
  '50-bad-magic': /begins otherwise/,
  '51-version-2': /version 2, not 1/,
  '52-bad-prefix-crc': /first bytes do not match their checksum/,
  '53-bad-meta-crc': /metadata do not match their checksum/,
  '54-truncated-prefix': /too short/,
  '55-truncated-meta': /ends within its header/,
  '56-empty-file': /too short/,
  '57-param-as-bin': /a parameter is not an array/,
  '58-dup-field': /has seq twice/,
}

/** Reads a header from bytes, as if they came through a pipe; and how many were taken. */
async function pulled(bytes: Uint8Array): Promise<Header & { taken: number }> {
  let taken = 0
  const header = await readHeaderFrom(async (length) => {
    const piece = bytes.subarray(taken, taken + length)
    taken += piece.length
    return piece
  })
  return { ...header, taken }
}

/** Reads a header from an open file; its position has to stay. */
function readFrom(path: string | URL): Header {
  const fd = openSync(path, 'r')
  try {
    const first = Buffer.alloc(1)
    const header = readHeader(fd)
    readSync(fd, first)
    if (first.toString() !== '*') throw new Error('the position of the file was moved')
    return header
  } finally {
    closeSync(fd)
  }
}

for (const vector of vectors) {
  t.test(`vector ${vector.name}`, async (t) => {
    const file = bytesOf(vector)
    t.equal(createHash('sha256').update(file).digest('hex'), vector.sha256, 'is what it was')
    const bytes = vector.decoder === 'zcat' ? gunzipSync(file) : file
    const reason = reasons[vector.name]
    t.equal(reason === undefined, vector.accepted || vector.name.endsWith('PANIC'))
    if (reason !== undefined) {
      const refusal = { code: 'FSQ_JOB', message: reason }
      t.throws(() => decodeHeader(bytes), refusal)
      t.throws(() => readFrom(pathOf(vector)), refusal)
      await t.rejects(pulled(bytes), refusal)
      return
    }
    const { job, length } = decodeHeader(bytes)
    await t.resolveMatch(pulled(bytes), { length, taken: length }, 'no more is taken than it has')
    if (bytes === file) t.strictSame(readFrom(pathOf(vector)), { job, length })
    if (!vector.accepted) return
    t.strictSame(said(job), saidOf(vector), 'says what it says to fspl')
    t.equal(whyUnsafe(job), undefined)
    t.equal(length, vector.prefix?.headerLen)
    const payload = createHash('sha256').update(bytes.subarray(length)).digest('hex')
    t.equal(payload, vector.payloadSha256)
    if (vector.canonical === true)
      t.strictSame(encodeHeader(job), bytes.subarray(0, length), 'is what we write, too')
    else t.strictSame(decodeHeader(encodeHeader(job)).job, job)
  })
}

t.test(
  'metadata longer than the bound are not read, and no memory is taken for them',
  async (t) => {
    const prefix = frame(new Uint8Array()).subarray(0, 30)
    const refusal = { code: 'FSQ_JOB', message: /metadata have \d+ bytes/ }
    for (const length of [2n ** 64n - 1n, 2n ** 40n, BigInt(longestMetadata) + 1n]) {
      prefix.writeBigUInt64BE(length, 14)
      prefix.writeUInt32BE(crc32(prefix.subarray(0, 26)), 26)
      t.throws(() => decodeHeader(prefix), refusal)
      const path = `${temporaryDirectory(t)}/fspl-x.fspl`
      writeFileSync(path, prefix)
      t.throws(() => readFrom(path), refusal)
      await t.rejects(pulled(prefix), refusal)
    }
  },
)

t.test('an array that says it has more than there is takes no memory', async (t) => {
  const lengths = Buffer.alloc(5 * 1000, Buffer.from('ddffffffff', 'hex'))
  const extra = Buffer.concat([Buffer.from('84a378787890', 'hex').subarray(0, 5), lengths])
  const before = process.memoryUsage().rss
  t.throws(() => decodeHeader(frame(extra)), { code: 'FSQ_JOB', message: /ends early/ })
  const parameter = Buffer.from('9305920000818000'.slice(0, 10) + '810092' + '91ddffffffff', 'hex')
  t.throws(() => decodeHeader(frame(parameter)), { code: 'FSQ_JOB', message: /ends early/ })
  t.ok(process.memoryUsage().rss - before < 64e6)
})

/** The metadata of a command: its parameters and its variables in MessagePack, in hexadecimal, and one after. */
function commandOf(count: number, parameter: string, pair: string, last = ''): Buffer {
  const list = (value: string, more = ''): Buffer => {
    const size = Buffer.from('dd00000000', 'hex')
    size.writeUInt32BE(value === '' ? 0 : count + (more === '' ? 0 : 1), 1)
    const length = value === '' ? 0 : (count * value.length) / 2
    return Buffer.concat([size, Buffer.alloc(length, value, 'hex'), Buffer.from(more, 'hex')])
  }
  const start = Buffer.from('9305920000' + '8100' + '92', 'hex')
  return Buffer.concat([start, list(parameter, last), list(pair)])
}

t.test('millions of values that no program can be given take no memory', async (t) => {
  const count = 2_000_000
  const cases: [string, string, string][] = [
    ['empty parameters', '90', ''],
    ['parameters of a byte, the long way', '91cf0000000000000041', ''],
    ['empty variables', '', '929090'],
  ]
  for (const [name, parameter, pair] of cases) {
    const few = Math.min(count, Math.floor(15e6 / ((parameter + pair).length / 2)))
    const file = frame(commandOf(few, parameter, pair))
    const before = process.memoryUsage().rss
    const start = performance.now()
    const { job } = decodeHeader(file)
    t.match(whyUnsafe(job), /more than a program can be given/, name)
    t.ok(performance.now() - start < 10_000, 'it takes no long time either')
    t.ok(process.memoryUsage().rss - before < 200e6, `${name} take little`)
    if (job.type !== 'command') throw new Error('Expected a command')
    t.ok(job.parameters.length + job.environment.length < 120_000, 'few are kept')
    t.throws(() => encodeHeader(job), { code: 'FSQ_JOB' }, 'it is not taken for the whole')
  }
  // What is not kept is read all the same: it makes fspl refuse a file as well.
  const last = { code: 'FSQ_JOB', message: /a byte of a parameter is out of range/ }
  t.throws(() => decodeHeader(frame(commandOf(200_000, '90', '', '91cd0100'))), last)
  const more = { code: 'FSQ_JOB', message: /an entry of env is not a pair/ }
  t.throws(() => decodeHeader(frame(commandOf(200_000, '90', '93909090'))), more)
})

const created = { seconds: 1_700_000_000n, nanoseconds: 5 }
const base = { sequence: 1n, created } as const

/** A job with parameters. */
function withParameters(...parameters: Uint8Array[]): Job {
  return { ...base, type: 'command', parameters, environment: [] }
}

/** A job with one variable. */
function withVariable(name: string, value: string): Job {
  const environment = [[Buffer.from(name), Buffer.from(value)]] as const
  return { ...base, type: 'command', parameters: [], environment }
}

const nanoseconds = 999_999_999
const most = 128 * 1024 - 'FSPL_PARAM_1=\0'.length

t.test('a job that would break fspl is not made, and is known when it is read', async (t) => {
  const cases: [string, Job, RegExp | undefined][] = [
    [
      'two nanoseconds too many',
      { ...base, type: 'nop', created: { seconds: 0n, nanoseconds: 2e9 } },
      /nanoseconds/,
    ],
    [
      'the end of time',
      { ...base, type: 'fail', created: { seconds: 2n ** 63n - 1n, nanoseconds } },
      /no calendar/,
    ],
    [
      'its begin',
      { ...base, type: 'fail', created: { seconds: -(2n ** 63n), nanoseconds } },
      /no calendar/,
    ],
    [
      'the year 261,000',
      { ...base, type: 'nop', created: { seconds: 8_200_000_000_000n, nanoseconds } },
      undefined,
    ],
    [
      'a NUL in a parameter',
      withParameters(Buffer.from('a'), Buffer.from('b\0c')),
      /parameter 2 has a NUL/,
    ],
    ['a NUL in a name', withVariable('A\0', 'b'), /variable "A\\u0000" has a NUL/],
    ['a NUL in a value', withVariable('A', '\0b'), /variable "A" has a NUL/],
    ['the longest parameter', withParameters(Buffer.alloc(most, 'x')), undefined],
    ['one longer than that', withParameters(Buffer.alloc(most + 1, 'x')), /parameter 1 is longer/],
    ['the longest variable', withVariable('ABCD', 'x'.repeat(most - 1)), undefined],
    ['one longer than that', withVariable('ABCD', 'x'.repeat(most)), /"ABCD" is longer/],
    [
      'more than fits',
      withParameters(...Array.from({ length: 20 }, () => Buffer.alloc(120_000, 'x'))),
      /more than/,
    ],
  ]
  for (const [name, job, reason] of cases) {
    if (reason === undefined) {
      t.equal(whyUnsafe(job), undefined, name)
      t.doesNotThrow(() => encodeHeader(job), name)
      continue
    }
    t.match(whyUnsafe(job), reason, name)
    t.throws(() => encodeHeader(job), { code: 'FSQ_JOB', message: reason }, name)
  }
})

t.test('numbers that the format cannot hold are refused', async (t) => {
  const times = [-1, 0.5, Number.NaN].map((nanoseconds) => ({ seconds: 0n, nanoseconds }))
  const jobs: Job[] = [
    ...times.map((created) => ({ ...base, type: 'nop' as const, created })),
    { ...base, type: 'nop', sequence: -1n },
    { ...base, type: 'nop', sequence: 2n ** 64n },
  ]
  for (const job of jobs)
    t.throws(() => encodeHeader(job), { code: 'FSQ_JOB', message: /there is no/ })
})
