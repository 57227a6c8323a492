import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { exportItems, type ExportEvent } from '../../../lib/adapters/filespooler/export.js'
import {
  decodeHeader,
  encodeHeader,
  encodeReadHeader,
} from '../../../lib/adapters/filespooler/header.js'
import {
  importJobs,
  type ImportEvent,
  type ImportOptions,
  type ImportResult,
} from '../../../lib/adapters/filespooler/import.js'
import { jobNameFor } from '../../../lib/adapters/filespooler/convert.js'
import type { Job } from '../../../lib/adapters/filespooler/job.js'
import { type FilespoolerQueue, initFilespooler } from '../../../lib/adapters/filespooler/queue.js'
import { SequenceFile } from '../../../lib/queue/sequence-file.js'
import type { Queue } from '../../../lib/root/queue.js'
import { check, place as placeWithProgram } from '../../helpers/cli.js'
import { bytesOf, vectors } from '../../helpers/filespooler-vectors.js'
import { fspl, noFspl } from '../../helpers/fspl.js'
import { contentsOf, temporaryDirectory, temporaryRoot } from '../../helpers/temporary.js'

interface Place {
  readonly directory: string
  readonly queue: Queue
  readonly spool: FilespoolerQueue
  readonly sequence: SequenceFile
}

async function placeFor(t: Test): Promise<Place> {
  const root = temporaryRoot(t)
  const directory = temporaryDirectory(t)
  return {
    directory,
    queue: await root.install('q'),
    spool: await initFilespooler(`${directory}/spool`),
    sequence: new SequenceFile(`${directory}/sender`),
  }
}

const created = { seconds: 1_790_000_000n, nanoseconds: 42 }

function jobOf(sequence: bigint, ...parameters: string[]): Job {
  const bytes = parameters.map((text) => Buffer.from(text))
  return { type: 'command', sequence, created, parameters: bytes, environment: [] }
}

/** What is told, in words. */
async function imported(
  { spool, queue }: Place,
  options: ImportOptions = {},
): Promise<{ told: string[]; result: ImportResult }> {
  const told: string[] = []
  const onEvent = (event: ImportEvent): void => {
    if (event.type === 'left') told.push(`left ${event.file.name}: ${event.file.reason}`)
    else told.push(`${String(event.job.job.sequence)} ${event.added ? 'added' : 'present'}`)
  }
  const result = await importJobs(spool, queue, { unpack: true, onEvent, ...options })
  return { told, result }
}

async function exported({ spool, queue, sequence }: Place): Promise<string[]> {
  const told: string[] = []
  const onEvent = (event: ExportEvent): void => {
    told.push(event.type === 'left' ? `left: ${event.reason}` : event.added ? 'added' : 'present')
  }
  await exportItems(queue, spool, sequence, { onEvent })
  return told
}

async function sequencesIn({ spool }: Place): Promise<bigint[]> {
  return (await spool.list()).jobs.map(({ job }) => job.sequence)
}

t.test('jobs are imported by their numbers, up to the first gap', async (t) => {
  const place = await placeFor(t)
  for (const sequence of [4n, 2n, 1n]) await place.spool.add(jobOf(sequence))
  t.match(await imported(place), {
    told: ['1 added', '2 added'],
    result: { added: 2, waitingFor: 3n },
  })
  t.equal(await place.spool.getNext(), 3n)
  t.strictSame(await sequencesIn(place), [4n])
  await place.spool.add(jobOf(3n))
  t.match(await imported(place, { maxJobs: 1 }), { told: ['3 added'] })
  t.match(await imported(place), { told: ['4 added'], result: { added: 1, present: 0, left: 0 } })
  t.equal(await place.spool.getNext(), 5n)
})

t.test('jobs are imported by their times, and nextseq stays', async (t) => {
  const place = await placeFor(t)
  await place.spool.add({ ...jobOf(7n), created: { seconds: 9n, nanoseconds: 2 } })
  await place.spool.add({ ...jobOf(9n), created: { seconds: 9n, nanoseconds: 1 } })
  t.match(await imported(place, { order: 'timestamp' }), { told: ['9 added', '7 added'] })
  t.equal(await place.spool.getNext(), 1n)
  t.strictSame(await sequencesIn(place), [])
})

t.test('two jobs with one number are left to whoever made them', async (t) => {
  const place = await placeFor(t)
  for (let time = 0; time < 2; time++) await place.spool.add(jobOf(1n))
  await t.rejects(imported(place), { code: 'FSQ_AMBIGUOUS' })
  t.strictSame(await sequencesIn(place), [1n, 1n])
})

t.test('what is no job is left, and told', async (t) => {
  const place = await placeFor(t)
  await place.spool.write(
    ['not a job'].map((text) => Buffer.from(text)),
    'fspl-x.fspl',
  )
  await place.spool.add(jobOf(1n))
  t.match(await imported(place), {
    told: ['left fspl-x.fspl: not the file of a job: it is too short', '1 added'],
    result: { added: 1, left: 1 },
  })
})

t.test('what cannot be read is left, and told', async (t) => {
  const place = await placeFor(t)
  symlinkSync('fspl-x.fspl', `${place.spool.paths.jobs}/fspl-x.fspl`)
  await place.spool.add(jobOf(1n))
  t.match(await imported(place), {
    told: [/^left fspl-x.fspl: .*symbolic link/, '1 added'],
    result: { added: 1, left: 1 },
  })
})

t.test('jobs that are encoded are decoded, or nothing is imported', async (t) => {
  const place = await placeFor(t)
  const gzipped = vectors.find(({ decoder }) => decoder === 'zcat')
  if (gzipped === undefined) throw new Error('the vector is missing')
  await place.spool.write([bytesOf(gzipped)])
  const order = 'timestamp'
  await t.rejects(imported(place, { order, decoder: 'zcat; exit 3' }), {
    code: 'FSQ_BODY',
    message: /exit status 3/,
  })
  t.strictSame(contentsOf(place.queue), { tmp: [], queue: [], done: [], fail: [] })
  t.match(await imported(place, { order, decoder: 'zcat' }), { told: ['133 added'] })
  const [name] = readdirSync(place.queue.context.paths.queue)
  t.match(name, /_z$/)
  t.equal(
    readFileSync(`${place.queue.context.paths.queue}/${String(name)}`).length,
    gzipped.payloadLen,
  )
})

t.test(
  'a job that was imported before we were killed is imported under its name again',
  async (t) => {
    const place = await placeFor(t)
    for (const unpack of [true, false]) {
      await place.spool.add(jobOf(1n, String(unpack)), [Buffer.from('payload')])
      const [name = ''] = readdirSync(place.spool.paths.jobs)
      copyFileSync(`${place.spool.paths.jobs}/${name}`, `${place.directory}/copy`)
      t.match(await imported(place, { unpack }), { told: ['1 added'] })
      renameSync(`${place.directory}/copy`, `${place.spool.paths.jobs}/${name}`)
      await place.spool.setNext(1n)
      const before = contentsOf(place.queue)
      t.match(await imported(place, { unpack }), { told: ['1 present'] })
      t.strictSame(contentsOf(place.queue), before)
      t.equal(await place.spool.getNext(), 2n)
      await place.spool.setNext(1n)
    }
  },
)

t.test(
  'a job that was imported and worked on before we were killed is not there again',
  async (t) => {
    const place = await placeFor(t)
    for (const unpack of [true, false]) {
      for (const state of ['done', 'fail'] as const) {
        await place.spool.setNext(1n)
        await place.spool.add(jobOf(1n, state), [Buffer.from('payload')])
        const [name = ''] = readdirSync(place.spool.paths.jobs)
        copyFileSync(`${place.spool.paths.jobs}/${name}`, `${place.directory}/copy`)
        t.match(await imported(place, { unpack }), { told: ['1 added'] })
        for await (const item of place.queue.scan())
          await (state === 'done' ? item.success() : item.failPerm())
        renameSync(`${place.directory}/copy`, `${place.spool.paths.jobs}/${name}`)
        await place.spool.setNext(1n)
        t.match(await imported(place, { unpack }), { told: ['1 present'] }, state)
        t.match(contentsOf(place.queue), { queue: [] })
        t.equal(await place.spool.getNext(), 2n)
      }
    }
  },
)

t.test(
  'an item that was exported, and is done by that, comes back to the same queue',
  async (t) => {
    const place = await placeWithItem(t)
    t.strictSame(await exported(place), ['added'])
    t.match(contentsOf(place.queue), { queue: [], done: [id] })
    t.match(await imported(place, { order: 'timestamp' }), { told: ['7 added'] })
    t.match(contentsOf(place.queue), { queue: [id], done: [id] })
  },
)

t.test('a file that takes the place of a job meanwhile is not mixed with it', async (t) => {
  for (const decoder of [undefined, 'cat']) {
    const place = await placeFor(t)
    await place.spool.add(jobOf(1n, 'one'), [Buffer.from('the first')])
    const [name = ''] = readdirSync(place.spool.paths.jobs)
    const receive = place.queue.receive.bind(place.queue)
    place.queue.receive = async (...given) => {
      const other = [encodeHeader(jobOf(1n, 'two')), Buffer.from('the second')]
      writeFileSync(`${place.directory}/other`, Buffer.concat(other))
      renameSync(`${place.directory}/other`, `${place.spool.paths.jobs}/${name}`)
      return receive(...given)
    }
    const importing = imported(place, { decoder, unpack: false })
    if (decoder !== undefined) {
      await t.rejects(importing, { message: /somebody has written over the job fspl-/ })
      t.match(contentsOf(place.queue), { queue: [] })
      continue
    }
    t.match(await importing, { told: ['1 added'] })
    const [item = ''] = readdirSync(place.queue.context.paths.queue)
    const file = readFileSync(`${place.queue.context.paths.queue}/${item}`)
    const { job, length } = decodeHeader(file)
    t.match(job, { parameters: [Buffer.from('one')] })
    t.equal(file.subarray(length).toString(), 'the first')
  }
})

t.test('a job that no program can be given is imported as it is, encoded or not', async (t) => {
  const file = Buffer.concat([encodeReadHeader(jobOf(1n, 'a\0b')), Buffer.from('payload')])
  for (const decoder of [undefined, 'cat']) {
    const place = await placeFor(t)
    await place.spool.write([file])
    t.match(await imported(place, { decoder, order: 'timestamp' }), { told: ['1 added'] })
    const [item = ''] = readdirSync(place.queue.context.paths.queue)
    t.strictSame(readFileSync(`${place.queue.context.paths.queue}/${item}`), file)
  }
})

t.test('a name that is another item’s is not taken for the same', async (t) => {
  const place = await placeFor(t)
  const id = '_20260101000000_1_2_host_0_a'
  const job: Job = {
    ...jobOf(1n, 'a'),
    environment: [[Buffer.from('FSQ_ITEM'), Buffer.from(id)]],
  } as Job
  for (const payload of ['one', 'two', 'one']) {
    await place.spool.add(job, [Buffer.from(payload)])
    await imported(place, { order: 'timestamp' })
  }
  const names = readdirSync(place.queue.context.paths.queue).sort()
  t.match(names, [id, /_filespooler_0_fspl_command$/], 'the second is kept whole')
  t.equal(names.length, 2)
})

t.test('names that cannot be an item’s are not used', async (t) => {
  const place = await placeFor(t)
  for (const id of [
    'x',
    '../x',
    '_20260101000000_1_2_host_0_b',
    '_20261301000000_1_2_host_0_a',
    '_20260101000000_1_2_host_x_a',
    `_20260101000000_1_2_${'h'.repeat(255)}_0_a`,
    '_20260101000000_1_2_a/b_0_a',
  ]) {
    const environment = [[Buffer.from('FSQ_ITEM'), Buffer.from(id)]] as const
    await place.spool.add({ ...jobOf(1n, 'a'), environment } as Job)
    t.match(await imported(place, { order: 'timestamp' }), { told: ['1 added'] }, id)
  }
  for (const name of readdirSync(place.queue.context.paths.queue)) t.match(name, /_fspl_command$/)
})

const id = '_20260101000000_1_2_host_0_a'

/** An item that is to be exported, and the names of the files that its export makes. */
async function placeWithItem(
  t: Test,
): Promise<Place & { numbered: string; temporary: string; job: string }> {
  const place = await placeFor(t)
  await place.queue.receive(id, 'body')
  const file = jobNameFor(place.queue.name, id)
  const { jobs } = place.spool.paths
  await place.sequence.allocate(6)
  return {
    ...place,
    job: `${jobs}/${file}`,
    temporary: `${jobs}/tmp-${file}.tmp`,
    numbered: `${jobs}/tmp-${file}.numbered`,
  }
}

/** The job that the item becomes. */
function numbered(sequence: bigint, name = id, body = 'body'): Buffer {
  const environment = [[Buffer.from('FSQ_ITEM'), Buffer.from(name)]] as const
  const seconds = BigInt(new Date(2026, 0, 1).getTime() / 1000)
  const ours = { ...jobOf(sequence, 'a'), created: { seconds, nanoseconds: 0 }, environment } as Job
  return Buffer.concat([encodeHeader(ours), Buffer.from(body)])
}

t.test('a file with the name of an item’s job is not taken for that', async (t) => {
  const others = [
    Buffer.from(''),
    Buffer.from('not a job'),
    Buffer.concat([encodeHeader(jobOf(6n, 'a')), Buffer.from('body')]),
    numbered(6n, '_20260101000000_1_2_host_0_b'),
    numbered(6n, id, 'another body'),
  ]
  for (const [at, other] of others.entries()) {
    const place = await placeWithItem(t)
    writeFileSync(place.job, other)
    t.match(
      await exported(place),
      [/^left: .* is there, and is not the job of this item$/],
      `${at}`,
    )
    t.match(contentsOf(place.queue), { queue: [id], done: [] })
    t.strictSame(readFileSync(place.job), other)
    unlinkSync(place.job)
    writeFileSync(place.numbered, other)
    t.strictSame(await exported(place), ['added'], `${at}, before it was published`)
    t.strictSame(readFileSync(place.job), numbered(7n))
  }
})

t.test('an import’s item is the job that it was, also where that is there already', async (t) => {
  for (const unpack of [true, false]) {
    const place = await placeFor(t)
    await place.spool.add(jobOf(1n, 'a'), [Buffer.from('payload')])
    await imported(place, { unpack })
    const [item = ''] = readdirSync(place.queue.context.paths.queue)
    const job = `${place.spool.paths.jobs}/${jobNameFor(place.queue.name, item)}`
    const file = Buffer.concat([encodeHeader(jobOf(1n, 'a')), Buffer.from('payload')])
    writeFileSync(job, Buffer.concat([file, Buffer.from('.')]))
    t.match(await exported(place), [/^left: /])
    writeFileSync(job, file)
    t.strictSame(await exported(place), ['present'])
    t.strictSame(readFileSync(job), file)
  }
})

t.test('an export that was cut off is gone on with', async (t) => {
  const cases: [
    string,
    (place: Awaited<ReturnType<typeof placeWithItem>>) => Promise<void> | void,
    string,
    bigint,
    bigint,
  ][] = [
    ['before anything', () => undefined, 'added', 7n, 8n],
    [
      'while the file is written',
      ({ temporary }) => {
        writeFileSync(temporary, '*FILES')
      },
      'added',
      7n,
      8n,
    ],
    [
      'before the number is taken',
      (place) => {
        writeFileSync(place.numbered, numbered(7n))
      },
      'added',
      7n,
      8n,
    ],
    [
      'after the number is taken',
      (place) => {
        writeFileSync(place.numbered, numbered(6n))
      },
      'added',
      6n,
      7n,
    ],
    [
      'the same, and somebody else has the number',
      async (place) => {
        writeFileSync(place.numbered, numbered(6n))
        await place.spool.add(jobOf(6n))
      },
      'added',
      7n,
      8n,
    ],
    [
      'the same, and that has been run',
      async (place) => {
        writeFileSync(place.numbered, numbered(6n))
        await place.spool.setNext(7n)
      },
      'added',
      7n,
      8n,
    ],
    [
      'before the item is done',
      (place) => {
        writeFileSync(place.job, numbered(5n))
      },
      'present',
      5n,
      7n,
    ],
  ]
  for (const [name, prepare, told, sequence, next] of cases) {
    await t.test(name, async (t) => {
      const place = await placeWithItem(t)
      await prepare(place)
      t.strictSame(await exported(place), [told])
      const { job, length } = decodeHeader(readFileSync(place.job))
      t.equal(job.sequence, sequence, 'it has that number')
      t.equal(readFileSync(place.job).subarray(length).toString(), 'body')
      t.equal(await place.sequence.allocate(), next, 'and that is the next')
      t.notOk(existsSync(place.numbered) || existsSync(place.temporary), 'nothing is left over')
      t.match(contentsOf(place.queue), { queue: [], done: [id] })
    })
  }
})

t.test('items are left that wait, that are locked, and that no job can say', async (t) => {
  const place = await placeFor(t)
  const later = new Date(Math.ceil(Date.now() / 1000 + 60) * 1000)
  await place.queue.enqueue('x', ['later'], { notBefore: later })
  await place.queue.receive('_20260101000000_1_2_host_0_a%00', 'x')
  await place.queue.receive('_20260101000001_1_2_host_0_locked', 'x')
  await place.queue.receive('_20260101000002_1_2_host_0_free', 'x')
  await using scan = place.queue.scan()
  for (;;) {
    const { value: item } = await scan.next()
    if (item === undefined || item.arguments[0] === 'locked') break
    item.close()
  }
  t.strictSame(await exported(place), [
    'left: no such job may be made: parameter 1 has a NUL byte',
    'added',
    'left: somebody is working on it',
    `left: it waits until ${later.toISOString()}`,
  ])
  t.match(contentsOf(place.queue), { done: ['_20260101000002_1_2_host_0_free'] })
  t.equal(contentsOf(place.queue)['queue']?.length, 3)
  t.equal(await place.sequence.allocate(), 2n, 'no number was left out')
})

t.test('each item that is left is told once, also one that is free by then', async (t) => {
  const { queue, spool, sequence } = await placeFor(t)
  const bad = '_20260101000000_1_2_host_0_a%00'
  const held = '_20260101000001_1_2_host_0_held'
  for (const id of [bad, held, '_20260101000002_1_2_host_0_free']) await queue.receive(id, 'x')
  const holder = await queue.claim(held)
  const told: string[] = []
  const onEvent = (event: ExportEvent): void => {
    if (event.type === 'left') told.push(`${event.id}: ${event.reason}`)
    else holder.close() // When its turn was over.
  }
  const result = await exportItems(queue, spool, sequence, { onEvent })
  t.strictSame(told, [
    `${bad}: no such job may be made: parameter 1 has a NUL byte`,
    `${held}: it was not free at its turn, or came later`,
  ])
  t.strictSame(result, { added: 1, present: 0, left: 2 })
})

t.test('nothing is written, and no number taken, where there is no queue', async (t) => {
  const place = await placeWithItem(t)
  renameSync(place.spool.directory, `${place.directory}/away`)
  await t.rejects(exported(place), { code: 'FSQ_FILESPOOLER' })
  t.equal(await place.sequence.allocate(), 7n)
  t.match(contentsOf(place.queue), { queue: [id] })
})

t.test(
  'fspl runs what was exported, and we import what it prepared',
  { skip: noFspl },
  async (t) => {
    const place = await placeFor(t)
    await place.queue.receive('_20260101000000_1_2_host_0_a b_c', 'body')
    t.strictSame(await exported(place), ['added'])
    const { directory } = place.spool
    const script = 'printf "%s|" "$FSPL_SET_FSQ_ITEM" "$FSPL_CTIME_NANOS" "$@"; cat'
    const run = await fspl([
      'queue-process',
      '-q',
      directory,
      '--allow-job-params',
      'sh',
      '--',
      '-c',
      script,
      'sh',
    ])
    t.match(run, { status: 0, stdout: '_20260101000000_1_2_host_0_a b_c|0|a b|c|body' })
    t.strictSame(await sequencesIn(place), [])
    const job = await fspl(['prepare', '-s', place.sequence.path, '-i', '-', '--', 'one', 'two'], {
      input: 'payload',
    })
    t.equal((await fspl(['queue-write', '-q', directory], { input: job.bytes })).status, 0)
    t.match(await imported(place), { told: ['2 added'] })
    const [item] = readdirSync(place.queue.context.paths.queue)
    t.match(item, /_00000000000000000002_\d{20}_filespooler_0_one_two$/)
    t.equal((await fspl(['queue-get-next', '-q', directory])).stdout, '3\n')
  },
)

t.test('fsq filespooler import and export', async (t) => {
  const { directory, queue, fsq } = await placeWithProgram(t)
  const spool = await initFilespooler(`${directory}/spool`)
  await queue.receive(id, 'body')
  const words = ['-q', spool.directory, 'q']
  const exporting = await fsq([
    'filespooler',
    'export',
    '-s',
    `${directory}/sender`,
    '--json',
    ...words,
  ])
  check(t, exporting, { stdout: '{"added":1,"present":0,"left":0}\n' })
  await spool.add(jobOf(2n, 'a'))
  await spool.add(jobOf(4n, 'a'))
  await spool.write([Buffer.from('x')], 'fspl-x.fspl')
  const importing = await fsq(['fspl', 'import', '--json', '--unpack', ...words])
  check(t, importing, {
    stdout: '{"added":2,"present":0,"left":1,"waitingFor":"3"}\n',
    stderr: /fspl-x.fspl is left: .*too short\n.*job 3 is missing; those behind it wait\n/s,
  })
  t.match(contentsOf(queue)['queue'], [id, /_filespooler_0_a$/])
  const missing = await fsq(['fspl', 'export', ...words])
  t.match(missing, { status: 2, stderr: /--seqfile/ })
})
