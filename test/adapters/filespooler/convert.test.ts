import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { exportItems, type ExportEvent } from '../../../lib/adapters/filespooler/export.js'
import { encodeHeader, frame } from '../../../lib/adapters/filespooler/header.js'
import {
  importJobs,
  type ImportEvent,
  type ImportOptions,
} from '../../../lib/adapters/filespooler/import.js'
import type { Job } from '../../../lib/adapters/filespooler/job.js'
import { type FilespoolerQueue, initFilespooler } from '../../../lib/adapters/filespooler/queue.js'
import { SequenceFile } from '../../../lib/queue/sequence-file.js'
import type { Queue } from '../../../lib/root/queue.js'
import { openRoot } from '../../../lib/root/root.js'
import { bytesOf, vectors } from '../../helpers/filespooler-vectors.js'
import { contentsOf, entriesOf, temporaryDirectory } from '../../helpers/temporary.js'

/** A queue of each kind, and the numbers of a sender. */
interface Place {
  readonly queue: Queue
  readonly other: Queue
  readonly spool: FilespoolerQueue
  readonly sequence: SequenceFile
}

async function placeFor(t: Test, settings: { charset?: string } = {}): Promise<Place> {
  const directory = temporaryDirectory(t)
  const root = openRoot({ root: directory, durability: 'none', ...settings })
  return {
    queue: await root.install('q'),
    other: await root.install('other'),
    spool: await initFilespooler(`${directory}/spool`),
    sequence: new SequenceFile(`${directory}/sender`),
  }
}

/** The names and bodies of the items that wait. */
function itemsOf({ context: { paths } }: Queue): Record<string, string> {
  const names = readdirSync(paths.queue, 'latin1').sort()
  return Object.fromEntries(
    names.map((name) => [
      name,
      readFileSync(Buffer.from(`${paths.queue}/${name}`, 'latin1')).toString('latin1'),
    ]),
  )
}

/** The files of the jobs, without their names. */
function filesOf({ paths }: FilespoolerQueue): string[] {
  return entriesOf(paths.jobs)
    .map((name) => readFileSync(`${paths.jobs}/${name}`).toString('hex'))
    .sort()
}

async function exported(place: Place, from = place.queue): Promise<ExportEvent[]> {
  const events: ExportEvent[] = []
  const onEvent = (event: ExportEvent): void => void events.push(event)
  await exportItems(from, place.spool, place.sequence, { onEvent })
  return events
}

async function imported(place: Place, options: ImportOptions = {}): Promise<ImportEvent[]> {
  const events: ImportEvent[] = []
  const onEvent = (event: ImportEvent): void => void events.push(event)
  await importJobs(place.spool, place.other, { onEvent, ...options })
  return events
}

const names: Readonly<Record<string, string>> = {
  'no arguments': '_20260101000000_1_2_host_0',
  'some arguments': '_20260101000001_1_2_host_0_alice_welcome',
  'tries, and another delimiter': '+20260101000002+1+2+ho_st+7+a_b',
  'empty and escaped ones': '_20260101000003_1_2_host_0__a%5fb%25_',
  'text beyond ASCII': '_20260101000004_1_2_host_0_naïve_\u{1f642}',
  'a long one': `_20260101000005_1_2_host_0_${'x'.repeat(220)}`,
  'what looks like the job of somebody': '_20260101000006_1_2_filespooler_0_fspl_command',
}
const binary = Buffer.from(Array.from({ length: 600 }, (_, at) => at & 0xff))

t.test('items become jobs, and the items that they were', { buffered: true }, async (t) => {
  const place = await placeFor(t)
  const ids = Object.values(names)
  for (const id of ids) await place.queue.receive(id, binary)
  const before = itemsOf(place.queue)
  const events = await exported(place)
  t.strictSame(
    events.map((event) => [event.type, event.id]).sort(),
    ids.map((id) => ['exported', id]).sort(),
  )
  t.strictSame(contentsOf(place.queue)['queue'], [])
  t.strictSame(contentsOf(place.queue)['done']?.length, ids.length)
  const { jobs, rejected } = await place.spool.list()
  t.strictSame(rejected, [])
  t.strictSame(
    jobs.map(({ job }) => job.sequence),
    ids.map((_, at) => BigInt(at + 1)),
    'numbered in their order',
  )
  await imported(place)
  t.strictSame(itemsOf(place.other), before)
  t.strictSame(filesOf(place.spool), [])
  t.equal(await place.spool.getNext(), BigInt(ids.length + 1))
})

t.test('names in another charset come back byte for byte', async (t) => {
  const place = await placeFor(t, { charset: 'latin1' })
  await place.queue.receive('_20260101000004_1_2_host_0_naïve', 'x')
  const before = itemsOf(place.queue)
  await exported(place)
  await imported(place)
  t.strictSame(itemsOf(place.other), before)
  t.strictSame(Object.keys(before), ['_20260101000004_1_2_host_0_na\xefve'])
})

const decodable = vectors.filter(
  ({ decoder, canonical }) => decoder === undefined && canonical !== undefined,
)

for (const unpack of [false, true]) {
  t.test(
    `jobs become items, and the jobs that they were (unpack: ${unpack})`,
    { buffered: true },
    async (t) => {
      const place = await placeFor(t)
      for (const vector of decodable) await place.spool.write([bytesOf(vector)])
      const nul: Job = {
        type: 'command',
        sequence: 5n,
        created: { seconds: -5n, nanoseconds: 6 },
        parameters: [Buffer.from('a\0')],
        environment: [],
      }
      const meta = Buffer.from('93059201ce7735940081009291910090', 'hex')
      await place.spool.write([frame(meta), Buffer.from('poison')])
      const same = encodeHeader({ ...nul, parameters: [Buffer.from('twice')] })
      for (let time = 0; time < 2; time++) await place.spool.write([same, Buffer.from('over')])
      const before = filesOf(place.spool)
      await imported(place, { order: 'timestamp', unpack })
      t.equal(Object.keys(itemsOf(place.other)).length, before.length, 'each is an item of its own')
      t.strictSame(filesOf(place.spool), [])
      const packed = Object.keys(itemsOf(place.other)).filter((id) => id.includes('_fspl_'))
      t.equal(packed.length < before.length, unpack)
      await exported(place, place.other)
      t.strictSame(filesOf(place.spool), before)
      t.strictSame(contentsOf(place.other)['queue'], [])
      t.equal(await place.sequence.allocate(), 1n, 'and no new number was taken')
    },
  )
}

t.test(
  'a job that is unpacked has its parameters for arguments, and its payload for a body',
  async (t) => {
    const place = await placeFor(t)
    const job: Job = {
      type: 'command',
      sequence: 1n,
      created: { seconds: 1_767_225_600n, nanoseconds: 42 },
      parameters: ['a b', 'c_d', ''].map((text) => Buffer.from(text)),
      environment: [],
    }
    await place.spool.add(job, [Buffer.from('payload')])
    const [event] = await imported(place, { unpack: true })
    const items = Object.entries(itemsOf(place.other))
    t.match(items, [
      [/^_\d{14}_00000000000000000001_0000000042\d{10}_filespooler_0_a b_c%5fd_$/, 'payload'],
    ])
    t.match(event, { type: 'imported', added: true, id: items[0]?.[0], job: { job } })
  },
)

const text = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.map((byte) => byte || 1))
const plain = { noNullPrototype: true }
const jobs: fc.Arbitrary<Job> = fc.record(
  {
    type: fc.constant('command' as const),
    sequence: fc.bigInt(0n, 2n ** 64n - 1n),
    created: fc.record(
      {
        seconds: fc.oneof(fc.bigInt(0n, 4_000_000_000n), fc.bigInt(-(10n ** 12n), 10n ** 12n)),
        nanoseconds: fc.nat(1_999_999_999),
      },
      plain,
    ),
    parameters: fc.array(
      fc.oneof(
        text,
        fc.constantFrom('fspl', 'a', 'command').map((word) => new Uint8Array(Buffer.from(word))),
      ),
      { maxLength: 4 },
    ),
    environment: fc.oneof(
      fc.constant([]),
      fc.array(
        fc.tuple(fc.oneof(text, fc.constant(new Uint8Array(Buffer.from('FSQ_ITEM')))), text),
        { maxLength: 2 },
      ),
    ),
  },
  plain,
)

t.test('any job comes back', { buffered: true }, async (t) => {
  const place = await placeFor(t)
  const run = async (job: Job, payload: Uint8Array, unpack: boolean): Promise<void> => {
    await place.spool.add(job, [payload])
    const before = filesOf(place.spool)
    await imported(place, { order: 'timestamp', unpack })
    t.strictSame(filesOf(place.spool), [])
    await exported(place, place.other)
    t.strictSame(filesOf(place.spool), before)
    await place.spool.setAside((await place.spool.list()).jobs, place.spool.paths.fail)
  }
  await fc.assert(fc.asyncProperty(jobs, fc.uint8Array({ maxLength: 9 }), fc.boolean(), run), {
    numRuns: 60,
  })
})
