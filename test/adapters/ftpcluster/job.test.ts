import fc from 'fast-check'
import t from 'tap'
import { type Job, makeJob, type NewJob, parseJob } from '../../../lib/adapters/ftpcluster/job.js'
import { formatJobs, readQueueFile } from '../../../lib/adapters/ftpcluster/queue-file.js'
import { longestLine } from '../../../lib/adapters/ftpcluster/lines.js'

const node = { host: '192.168.0.2', port: 21 }
const other = { host: 'node3.example.org', port: 2121 }

t.test('lines that are jobs', async (t) => {
  const table: readonly (readonly [string, object])[] = [
    [
      'upload rfc-0959.txt root 147316 1044844761',
      {
        type: 'upload',
        filename: 'rfc-0959.txt',
        uid: 'root',
        size: 147316,
        mtime: 1044844761,
        nodes: [],
      },
    ],
    [
      'store a%20b%2fc.txt 1000 0 1 192.168.0.2:21,node3.example.org:2121',
      { type: 'store', filename: 'a b/c.txt', uid: '1000', size: 0, nodes: [node, other] },
    ],
    [
      'replicate\tx%2520y  5\t6 192.168.0.2:21 node3.example.org:2121 ',
      { type: 'replicate', linkfile: 'x%20y', size: 5, mtime: 6, nodes: [node, other] },
    ],
    [
      'remove 192.168.0.2:21 61/47/030210-033921-rfc',
      { type: 'remove', keyword: 'remove', node, nodepath: '61/47/030210-033921-rfc' },
    ],
    [
      'delete 192.168.0.2:21 p link 7 8',
      { type: 'remove', keyword: 'delete', linkfile: 'link', version: { size: 7, mtime: 8 } },
    ],
    ['upload 100% u 1 2', { filename: '100%' }],
    ['upload %zz%c3%a4%FF u 1 2', { filename: '%zzä\udcff' }],
  ]
  for (const [line, expected] of table) {
    const job = parseJob(Buffer.from(line))
    t.match(job, expected, line)
    t.equal(job.line.toString(), line, 'it is kept byte for byte')
  }
})

t.test('lines that are none are kept, and say why', async (t) => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['mystery a b c', /type/],
    ['Upload a u 1 2', /type/],
    ['upload', /few/],
    ['upload a u 1', /few/],
    ['upload a u one 2', /whole number/],
    ['upload a u 1 -2', /whole number/],
    ['upload a u 99999999999999999 2', /whole number/],
    ['upload a u 1 2 node', /no host:port/],
    ['upload a u 1 2 node:0', /no host:port/],
    ['upload a u 1 2 node:65536', /no host:port/],
    ['replicate a 1', /few/],
    ['remove 192.168.0.2:21', /few/],
    ['remove nowhere path', /no host:port/],
    ['remove 192.168.0.2:21 p l 1', /few/],
    ['remove 192.168.0.2:21 p l 1 2 3', /many/],
  ]
  for (const [line, reason] of table)
    t.match(parseJob(Buffer.from(line)), { type: 'opaque', reason, line: Buffer.from(line) }, line)
})

t.test('what no line can say is refused', async (t) => {
  const version = { size: 1, mtime: 2 }
  const jobs: readonly NewJob[] = [
    { type: 'upload', filename: '', uid: 'u', ...version, nodes: [] },
    { type: 'upload', filename: 'a', uid: '', ...version, nodes: [] },
    { type: 'upload', filename: 'a', uid: 'u', size: -1, mtime: 2, nodes: [] },
    { type: 'upload', filename: 'a', uid: 'u', size: 1.5, mtime: 2, nodes: [] },
    { type: 'store', filename: 'a', uid: 'u', ...version, nodes: [{ host: 'a b', port: 1 }] },
    { type: 'remove', node: { host: 'h', port: 0 }, nodepath: 'p' },
    { type: 'remove', node, nodepath: 'p', version },
  ]
  for (const job of jobs) t.throws(() => makeJob(job), TypeError, JSON.stringify(job))
})

const name = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.stringMatching(/^[ %a/\t\n-]{1,20}$/),
)
const nodes = fc.array(
  fc.record({
    host: fc.stringMatching(/^[a-z0-9.-]{1,12}$/),
    port: fc.integer({ min: 1, max: 65_535 }),
  }),
  { maxLength: 3 },
)
const version = { size: fc.nat(), mtime: fc.nat() }
const jobs = fc.oneof(
  fc.record({
    type: fc.constantFrom('upload' as const, 'store' as const),
    filename: name,
    uid: name,
    ...version,
    nodes,
  }),
  fc.record({ type: fc.constant('replicate' as const), linkfile: name, ...version, nodes }),
  fc.record(
    {
      type: fc.constant('remove' as const),
      keyword: fc.constantFrom('remove' as const, 'delete' as const),
      node: fc.constant(node),
      nodepath: name,
      linkfile: name,
    },
    { requiredKeys: ['type', 'keyword', 'node', 'nodepath'] },
  ),
)

/** A source that gives its bytes in pieces of any size. */
function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function readAll(bytes: Uint8Array, size: number): Promise<Job[]> {
  const read: Job[] = []
  for await (const { job } of readQueueFile(inPieces(bytes, size))) read.push(job)
  return read
}

t.test('what is written is read as the same jobs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(jobs), fc.integer({ min: 1, max: 99 }), async (made, size) => {
      const read = await readAll(formatJobs(made.map(makeJob)), size)
      const plain = read.map(({ line: _, ...job }) => job)
      t.strictSame(JSON.stringify(sorted(plain)), JSON.stringify(sorted(made)))
    }),
    { numRuns: 200 },
  )
})

function sorted(list: readonly object[]): object[] {
  return list.map((each) =>
    Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))),
  )
}

t.test('what is read is written as the same bytes, whatever it is', async () => {
  const anyLine = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom('upload', 'store', 'remove', 'x'),
        fc.stringMatching(/^[ \ta-c%0-9:]*$/),
      )
      .map((words) => Buffer.from(words.join(' '))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(anyLine), fc.integer({ min: 1, max: 50 }), async (lines, size) => {
      const whole = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
      const written = formatJobs(await readAll(whole, size)).toString('latin1')
      // Only empty lines are left out.
      const expected = whole
        .toString('latin1')
        .split('\n')
        .filter((line) => /[^ \t]/.test(line))
      t.equal(written, expected.map((line) => `${line}\n`).join(''))
    }),
    { numRuns: 200 },
  )
})

t.test('where the jobs stand, and a last line that is not complete', async (t) => {
  const file = Buffer.from('upload a u 1 2\n\n \t\nmystery\nupload b u 1')
  const read: unknown[] = []
  for await (const { job, number, offset } of readQueueFile([file]))
    read.push([job.type, number, offset])
  t.strictSame(read, [
    ['upload', 1, 0],
    ['opaque', 4, 19],
  ])
})

t.test('a line that has no end is refused before it fills the memory', async (t) => {
  let given = 0
  function* endless(): Generator<Uint8Array> {
    for (;;) {
      given += 4096
      yield Buffer.alloc(4096, 'x')
    }
  }
  await t.rejects(async () => {
    for await (const { job } of readQueueFile(endless())) t.fail(job.type)
  }, RangeError)
  t.ok(given <= longestLine + 2 * 4096, `${given} bytes were taken`)
})
