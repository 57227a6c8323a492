import fc from 'fast-check'
import t from 'tap'
import { decodeHeader, encodeHeader } from '../../../lib/adapters/filespooler/header.js'
import type { Job } from '../../../lib/adapters/filespooler/job.js'
import { readHeaderFrom } from '../../../lib/adapters/filespooler/read-header.js'

const text = fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.map((byte) => byte || 1))

const plain = { noNullPrototype: true }

const common = {
  sequence: fc.bigInt(0n, 2n ** 64n - 1n),
  created: fc.record(
    {
      seconds: fc.bigInt(-8_330_000_000_000n, 8_200_000_000_000n),
      nanoseconds: fc.nat(999_999_999),
    },
    plain,
  ),
}

const jobs: fc.Arbitrary<Job> = fc.oneof(
  fc.record({ ...common, type: fc.constantFrom('nop', 'fail') }, plain),
  fc.record(
    {
      ...common,
      type: fc.constant('command' as const),
      parameters: fc.array(text),
      environment: fc.array(fc.tuple(text, text)),
    },
    plain,
  ),
)

t.test('what was written is read, whatever follows it', async (t) => {
  fc.assert(
    fc.property(jobs, fc.uint8Array(), (job, payload) => {
      const header = encodeHeader(job)
      const found = decodeHeader(Buffer.concat([header, payload]))
      t.strictSame(found, { job, length: header.length })
      t.strictSame(encodeHeader(found.job), header)
    }),
    { numRuns: 200 },
  )
})

t.test('a header that was cut off or changed is told, and nothing else is thrown', async () => {
  await fc.assert(
    fc.asyncProperty(jobs, fc.nat(), fc.integer({ min: 1, max: 255 }), async (job, at, change) => {
      const header = encodeHeader(job)
      const changed = Buffer.from(header)
      const place = at % header.length
      changed[place] = (changed[place] ?? 0) ^ change
      for (const bytes of [header.subarray(0, place), changed]) {
        let rest: Uint8Array = bytes
        const pull = async (length: number): Promise<Uint8Array> => {
          const piece = rest.subarray(0, length)
          rest = rest.subarray(length)
          return piece
        }
        await t.rejects(readHeaderFrom(pull), { code: 'FSQ_JOB' })
        t.throws(() => decodeHeader(bytes), { code: 'FSQ_JOB' })
      }
    }),
    { numRuns: 200 },
  )
})
