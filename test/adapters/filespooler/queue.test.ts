import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { initFilespooler, openFilespooler } from '../../../lib/adapters/filespooler/queue.js'
import { pathOf, vectors } from '../../helpers/filespooler-vectors.js'
import {
  allOf,
  contentOf,
  fill,
  jobOf,
  nameOf,
  rawHeader,
  temporarySpool,
} from '../../helpers/spool.js'
import { entriesOf, temporaryDirectory } from '../../helpers/temporary.js'

t.jobs = 4

t.test('a new queue begins with job 1, an append-only one has no numbers', async (t) => {
  const directory = temporaryDirectory(t)
  const queue = await initFilespooler(`${directory}/q`)
  t.strictSame(entriesOf(queue.directory), ['jobs', 'nextseq', 'nextseq.lock'])
  t.equal(await queue.getNext(), 1n)
  const other = await initFilespooler(`${directory}/a`, { appendOnly: true })
  t.strictSame(entriesOf(other.directory), ['jobs'])
  await fill(other, 1)
  t.equal((await other.list()).jobs.length, 1)
  const appendOnly = { code: 'FSQ_FILESPOOLER', message: /append-only/ }
  await t.rejects(other.getNext(), appendOnly)
  await t.rejects(other.setNext(3n), appendOnly)
  await t.rejects(
    other.process(async () => undefined),
    appendOnly,
  )
})

t.test('a queue is made where there is nothing, in a directory that is there', async (t) => {
  const directory = temporaryDirectory(t)
  await initFilespooler(`${directory}/q`)
  await t.rejects(initFilespooler(`${directory}/q`), { code: 'FSQ_FILESPOOLER', errno: 'EEXIST' })
  await t.rejects(initFilespooler(`${directory}/no/q`), {
    code: 'FSQ_FILESPOOLER',
    errno: 'ENOENT',
  })
  await t.rejects(openFilespooler(`${directory}/none`).list(), { code: 'FSQ_FILESPOOLER' })
  t.throws(() => openFilespooler(''), TypeError)
})

t.test('jobs are listed by their numbers, whatever their names', async (t) => {
  const queue = await temporarySpool(t)
  for (const [sequence, name] of [
    [10, 'fspl-a.fspl'],
    [9, 'fspl-b.fspl'],
    [2, 'fspl-.fspl'],
    [3, 'fspl-a b.fspl'],
    [4, 'fspl-é.fspl'],
  ] as const)
    await queue.write(contentOf(jobOf(sequence)), name)
  for (const name of [
    'fspl.fspl',
    'FSPL-x.fspl',
    '.fspl-x.fspl',
    'fspl-x.fspl~',
    'fspl-x.fspl.out',
  ])
    copyFileSync(`${queue.paths.jobs}/fspl-a.fspl`, `${queue.paths.jobs}/${name}`)
  const { jobs, rejected } = await queue.list()
  t.strictSame(
    jobs.map(({ name, job }) => [Number(job.sequence), name]),
    [
      [2, 'fspl-.fspl'],
      [3, 'fspl-a b.fspl'],
      [4, 'fspl-é.fspl'],
      [9, 'fspl-b.fspl'],
      [10, 'fspl-a.fspl'],
    ],
  )
  t.strictSame(rejected, [])
})

/** Files that are named like jobs and are none, or no safe ones, and what is said of them. */
const poison: Record<string, { make: (path: string) => void; kind: string; reason: RegExp }> = {
  'a FIFO': {
    make: (path) => spawnSync('mkfifo', [path]),
    kind: 'undecodable',
    reason: /not a regular file/,
  },
  'a directory': { make: mkdirSync, kind: 'undecodable', reason: /not a regular file/ },
  'a link to a device': {
    make: (path) => {
      symlinkSync('/dev/zero', path)
    },
    kind: 'undecodable',
    reason: /not a regular file/,
  },
  'something else': {
    make: (path) => {
      writeFileSync(path, 'hello')
    },
    kind: 'undecodable',
    reason: /too short/,
  },
  'a header that would take all memory': {
    make: (path) => {
      writeFileSync(path, rawHeader({ metadataLength: 2n ** 62n }))
    },
    kind: 'undecodable',
    reason: /metadata have 4611686018427387904/,
  },
  'a time that is in no calendar': {
    make: (path) => {
      const vector = vectors.find(({ name }) => name.includes('PANIC'))
      if (vector !== undefined) copyFileSync(pathOf(vector), path)
    },
    kind: 'unsafe',
    reason: /nanoseconds/,
  },
  'a NUL in a parameter': {
    make: (path) => {
      writeFileSync(path, rawHeader({ parameters: [Buffer.from('a\0b')] }))
    },
    kind: 'unsafe',
    reason: /NUL/,
  },
  'a parameter that no program can be given': {
    make: (path) => {
      writeFileSync(path, rawHeader({ parameters: [Buffer.alloc(200_000, 'x')] }))
    },
    kind: 'unsafe',
    reason: /longer/,
  },
}

for (const [what, { make, kind, reason }] of Object.entries(poison))
  t.test(`${what} is reported, and moved aside on request`, { buffered: true }, async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 7)
    make(`${queue.paths.jobs}/fspl-poison.fspl`)
    const { rejected } = await queue.list()
    t.match(rejected, [{ name: 'fspl-poison.fspl', kind, reason }])
    t.equal(rejected.length, 1)
    t.match(await queue.reject(), [{ name: 'fspl-poison.fspl', kind }])
    t.strictSame(entriesOf(queue.paths.jobs), [nameOf(7)])
    t.strictSame(entriesOf(queue.paths.rejected), ['fspl-poison.fspl'])
    t.strictSame(await queue.reject(), [], 'a second time there is nothing to move')
  })

t.test('a link to nothing, and one to a job, are what they are to fspl', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 7)
  symlinkSync('nowhere', `${queue.paths.jobs}/fspl-dangling.fspl`)
  symlinkSync(nameOf(7), `${queue.paths.jobs}/fspl-link.fspl`)
  const { jobs, rejected } = await queue.list()
  t.equal(jobs.length, 2)
  t.strictSame(rejected, [])
})

t.test('what is moved aside never takes the place of what is there', async (t) => {
  const queue = await temporarySpool(t)
  for (let round = 0; round < 2; round++) {
    writeFileSync(`${queue.paths.jobs}/fspl-x.fspl`, 'nothing')
    await queue.reject()
  }
  t.equal(entriesOf(queue.paths.rejected).length, 2)
})

t.test('a job is found by its number, and its payload read', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  await queue.write(contentOf(jobOf(3), 'one'), 'fspl-3a.fspl')
  await queue.write(contentOf(jobOf(3), 'another'), 'fspl-3b.fspl')
  using job = await queue.open(await queue.find(2n))
  t.equal((await allOf(job.payload.bytes())).toString(), '2')
  await t.rejects(queue.find(9n), { code: 'FSQ_NO_ITEM' })
  await t.rejects(queue.find(3n), { code: 'FSQ_AMBIGUOUS', message: /fspl-3a.fspl, fspl-3b.fspl/ })
  await t.rejects(queue.open({ entry: 'fspl-gone.fspl' }), { code: 'FSQ_FILESPOOLER' })
})

t.test('what cannot be written leaves nothing, and replaces nothing', async (t) => {
  const queue = await temporarySpool(t)
  const torn = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('the sender is gone')
  }
  await t.rejects(queue.write(torn()), { message: 'the sender is gone' })
  t.strictSame(entriesOf(queue.paths.jobs), [])
  await fill(queue, 1)
  await t.rejects(queue.write([Buffer.from('other')], nameOf(1)), {
    code: 'FSQ_FILESPOOLER',
    errno: 'EEXIST',
  })
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1)])
  t.equal((await queue.find(1n)).name, nameOf(1))
})

t.test(
  'jobs that a decoder makes are listed and read; one that it cannot make is not',
  async (t) => {
    const queue = await temporarySpool(t)
    const zipped = spawnSync('gzip', { input: Buffer.concat(contentOf(jobOf(5), 'five')) }).stdout
    await queue.write([zipped], 'fspl-z.fspl')
    await queue.write([zipped.subarray(0, 60)], 'fspl-cut.fspl')
    await fill(queue, 6)
    const decoder = { decoder: 'gzip -d' }
    const { jobs, rejected } = await queue.list(decoder)
    t.ok(jobs.some(({ name }) => name === 'fspl-z.fspl'))
    t.ok(rejected.some(({ name }) => name === nameOf(6)))
    using job = await queue.open({ entry: 'fspl-z.fspl' }, decoder)
    t.equal((await allOf(job.payload.bytes())).toString(), 'five')
    t.equal((await queue.list()).jobs.length, 1, 'without it only the plain one is a job')
  },
)

t.test('a payload whose decoder fails is not whole', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  using job = await queue.open({ entry: nameOf(1) }, { decoder: 'cat; exit 3' })
  await t.rejects(allOf(job.payload.bytes()), { code: 'FSQ_JOB', message: /exit status 3/ })
})

t.test('a decoder that never ends does not outlive the look at its header', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const pid = `${queue.directory}/pid`
  const { jobs } = await queue.list({ decoder: `echo $$ >${pid}; cat; exec sleep 60` })
  t.equal(jobs.length, 1)
  t.ok(existsSync(pid))
  // Signalled already; it is gone once its parent, this process, has heard of it.
  for (let tries = 0; tries < 500 && isAlive(pid); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.notOk(isAlive(pid))
})

function isAlive(path: string): boolean {
  return spawnSync('sh', ['-c', `kill -0 $(cat ${path})`]).status === 0
}

t.test('the numbers are set and read under the lock', async (t) => {
  const queue = await temporarySpool(t)
  await queue.setNext(2n ** 64n - 1n)
  t.equal(await queue.getNext(), 2n ** 64n - 1n)
  using lock = await queue.lock()
  t.equal(await lock.read(), 2n ** 64n - 1n)
  await t.rejects(queue.getNext(), { code: 'FSQ_LOCKED' })
  await t.rejects(queue.setNext(1n), { code: 'FSQ_LOCKED' })
  await t.rejects(queue.reject(), { code: 'FSQ_LOCKED' })
  await t.rejects(
    queue.process(async () => undefined),
    { code: 'FSQ_LOCKED' },
  )
})

t.test('what cannot be read may be a job, and stays', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  symlinkSync(`${nameOf(2)}/loop`, `${queue.paths.jobs}/fspl-2.fspl`)
  const { rejected } = await queue.list()
  t.match(rejected, [{ name: 'fspl-2.fspl', kind: 'unreadable' }])
  t.strictSame(await queue.reject(), [])
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1), nameOf(2)])
})
