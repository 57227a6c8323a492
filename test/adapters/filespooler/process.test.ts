import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { commandWork } from '../../../lib/adapters/filespooler/command-work.js'
import type { ProcessOptions, Work } from '../../../lib/adapters/filespooler/process.js'
import type { FilespoolerQueue } from '../../../lib/adapters/filespooler/queue.js'
import type { CommandOptions } from '../../../lib/adapters/filespooler/run-command.js'
import { FsqError } from '../../../lib/errors.js'
import {
  allOf,
  contentOf,
  fill,
  jobOf,
  nameOf,
  rawHeader,
  temporarySpool,
} from '../../helpers/spool.js'
import { cannotBeNobody, nobody, program, startProgram } from '../../helpers/cli.js'
import { entriesOf } from '../../helpers/temporary.js'

t.jobs = 4

const skip = await cannotBeNobody()

/** Work that notes the numbers of the jobs, and fails for some. */
function noting(...fails: number[]): { readonly work: Work; readonly ran: number[] } {
  const ran: number[] = []
  return {
    ran,
    work: async ({ job }) => {
      ran.push(Number(job.sequence))
      if (fails.includes(Number(job.sequence))) throw new FsqError('FSQ_JOB', 'as it should')
    },
  }
}

/** Runs a shell script for the jobs of a queue; what it wrote to a file that it has in $out. */
async function run(
  queue: FilespoolerQueue,
  script: string,
  options: CommandOptions & ProcessOptions = {},
): Promise<{ readonly text: Buffer; readonly failures: string[]; readonly warnings: string[] }> {
  const { allowJobParameters, ignorePayload, timeout, output, ...rest } = options
  const out = `${queue.directory}/out`
  const failures: string[] = []
  const warnings: string[] = []
  const given = Object.entries({ allowJobParameters, ignorePayload, timeout, output })
  const command = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  const work = commandWork(['sh', '-c', `out=${out}; ${script}`, 'sh'], command, (message) =>
    warnings.push(message),
  )
  await queue.process(work(options.signal), {
    onEvent: (event) => {
      if (event.type === 'failed') failures.push(event.error.message)
    },
    ...rest,
  })
  return { text: existsSync(out) ? readFileSync(out) : Buffer.alloc(0), failures, warnings }
}

t.test('jobs are run by their numbers, without gaps, and removed', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 3, 1, 2, 5)
  const { work, ran } = noting()
  t.strictSame(await queue.process(work), { done: 3, failed: 0, waitingFor: 4n })
  t.strictSame(ran, [1, 2, 3])
  t.equal(await queue.getNext(), 4n)
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(5)])
  await fill(queue, 4)
  t.strictSame(await queue.process(work), { done: 2, failed: 0 })
  t.strictSame(ran, [1, 2, 3, 4, 5])
})

t.test('jobs are run by their times, and the next number stays', async (t) => {
  const queue = await temporarySpool(t)
  for (const [sequence, seconds] of [
    [7, 30],
    [3, 10],
    [9, 20],
  ] as const)
    await queue.add(jobOf(sequence, { seconds }))
  const { work, ran } = noting()
  t.strictSame(await queue.process(work, { order: 'timestamp' }), { done: 3, failed: 0 })
  t.strictSame(ran, [3, 9, 7])
  t.equal(await queue.getNext(), 1n)
  t.strictSame(entriesOf(queue.paths.jobs), [])
})

t.test('a number behind the last one begins again with 0', async (t) => {
  const queue = await temporarySpool(t)
  await queue.setNext(2n ** 64n - 1n)
  await queue.add({ ...jobOf(0), sequence: 2n ** 64n - 1n })
  await fill(queue, 0)
  const { done } = await queue.process(noting().work)
  t.equal(done, 2)
  t.equal(await queue.getNext(), 1n)
})

t.test('a number that is past is neither run nor removed', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  await queue.setNext(2n)
  const { work, ran } = noting()
  await queue.process(work)
  t.strictSame(ran, [2])
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1)])
})

/** Of three jobs the second fails. */
const outcomes = [
  { order: 'sequence', onError: 'retry', ran: [1, 2], next: 2n, jobs: [2, 3], fail: [] },
  { order: 'sequence', onError: 'delete', ran: [1, 2, 3], next: 4n, jobs: [], fail: [] },
  { order: 'sequence', onError: 'leave', ran: [1, 2, 3], next: 4n, jobs: [2], fail: [] },
  { order: 'sequence', onError: 'deadletter', ran: [1, 2, 3], next: 4n, jobs: [], fail: [2] },
  { order: 'timestamp', onError: 'retry', ran: [1, 2], next: 1n, jobs: [2, 3], fail: [] },
  { order: 'timestamp', onError: 'delete', ran: [1, 2, 3], next: 1n, jobs: [], fail: [] },
  { order: 'timestamp', onError: 'leave', ran: [1, 2, 3], next: 1n, jobs: [2], fail: [] },
  { order: 'timestamp', onError: 'deadletter', ran: [1, 2, 3], next: 1n, jobs: [], fail: [2] },
] as const

for (const { order, onError, ran, next, jobs, fail } of outcomes)
  for (const neverDelete of [false, true])
    t.test(
      `by ${order}, on error ${onError}${neverDelete ? ', never deleting' : ''}: what is left`,
      { buffered: true },
      async (t) => {
        const queue = await temporarySpool(t)
        await fill(queue, 1, 2, 3)
        const note = noting(2)
        const result = await queue.process(note.work, { order, onError, neverDelete })
        t.strictSame(note.ran, [...ran])
        t.equal(result.failure?.message, onError === 'retry' ? 'as it should' : undefined)
        t.equal(await queue.getNext(), next)
        t.strictSame(
          entriesOf(queue.paths.jobs),
          (neverDelete ? [1, 2, 3] : jobs).map((sequence) => nameOf(sequence)),
        )
        const dead = existsSync(queue.paths.fail) ? entriesOf(queue.paths.fail) : []
        t.strictSame(dead, fail.map(nameOf))
      },
    )

t.test('jobs that do nothing succeed, and those that fail fail', async (t) => {
  const queue = await temporarySpool(t)
  await queue.add(jobOf(1, { type: 'nop' }))
  await queue.add(jobOf(2, { type: 'fail' }))
  const { text, failures } = await run(queue, 'echo ran >>$out')
  t.equal(text.toString(), '')
  t.strictSame(failures, ['it is a job that always fails'])
  t.equal(await queue.getNext(), 2n)
})

t.test('no more jobs are run than are asked for', async (t) => {
  for (const order of ['sequence', 'timestamp'] as const) {
    const queue = await temporarySpool(t)
    await fill(queue, 1, 2, 3)
    const { work, ran } = noting()
    t.strictSame(await queue.process(work, { order, maxJobs: 0 }), { done: 0, failed: 0 })
    t.equal((await queue.process(work, { order, maxJobs: 2 })).done, 2)
    t.strictSame(ran, [1, 2])
  }
})

t.test('what comes while jobs are run is run too, and each once', async (t) => {
  for (const order of ['sequence', 'timestamp'] as const) {
    const queue = await temporarySpool(t)
    await fill(queue, 1)
    const ran: number[] = []
    await queue.process(
      async ({ job }) => {
        ran.push(Number(job.sequence))
        if (ran.length < 4) await fill(queue, ran.length + 1)
      },
      { order, neverDelete: true },
    )
    t.strictSame(ran, [1, 2, 3, 4])
  }
})

t.test('two jobs of one number stop what comes to them, and nothing else', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  await queue.add(jobOf(2))
  const { work, ran } = noting()
  await t.rejects(queue.process(work), { code: 'FSQ_AMBIGUOUS' })
  t.strictSame(ran, [1])
  t.equal((await queue.process(work, { order: 'timestamp' })).done, 2)
})

t.test('a job that its own command removes is done', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  await run(queue, 'rm "$FSPL_JOB_FULLPATH"')
  t.equal(await queue.getNext(), 3n)
})

for (const onError of ['delete', 'leave', 'deadletter'] as const) {
  t.test(`a job that its own command removes has failed, on error ${onError}`, async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1, 2)
    const { failures } = await run(queue, 'rm "$FSPL_JOB_FULLPATH"; exit 1', { onError })
    t.equal(failures.length, 2)
    t.equal(await queue.getNext(), 3n)
  })

  t.test(`another job in the place of one that failed stays, on error ${onError}`, async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1)
    const other = `${queue.directory}/other`
    writeFileSync(other, Buffer.concat(contentOf(jobOf(2))))
    await run(queue, `mv ${other} "$FSPL_JOB_FULLPATH"; exit 1`, { onError, maxJobs: 1 })
    t.equal(await queue.getNext(), 2n)
    t.match((await queue.list()).jobs, [{ job: { sequence: 2n } }])
    t.notOk(existsSync(`${queue.paths.fail}/${nameOf(1)}`))
  })
}

t.test('a job that somebody takes before its turn ends the processing', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  const take: Work = async () => {
    unlinkSync(`${queue.paths.jobs}/${nameOf(2)}`)
  }
  await t.rejects(queue.process(take), { code: 'FSQ_FILESPOOLER', errno: 'ENOENT' })
  t.equal(await queue.getNext(), 2n)
})

t.test('a job in fail/ since a crash is the same job, one of that name another', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  await queue.makeSide(queue.paths.fail)
  linkSync(`${queue.paths.jobs}/${nameOf(1)}`, `${queue.paths.fail}/${nameOf(1)}`)
  await queue.process(noting(1).work, { onError: 'deadletter' })
  t.strictSame(entriesOf(queue.paths.fail), [nameOf(1)])
  await queue.write(contentOf(jobOf(2), 'other'), nameOf(1))
  await queue.process(noting(2).work, { onError: 'deadletter' })
  t.equal(entriesOf(queue.paths.fail).length, 2)
})

t.test(
  'a command gets the payload, the parameters and the variables of its job alone',
  async (t) => {
    process.env['FSPL_SET_LEAK'] = 'x'
    process.env['FSPL_PARAM_9'] = 'x'
    t.teardown(() => {
      delete process.env['FSPL_SET_LEAK']
      delete process.env['FSPL_PARAM_9']
    })
    const queue = await temporarySpool(t)
    await queue.write(
      contentOf(
        jobOf(1, {
          parameters: ['a b', '-n', ''],
          environment: [
            ['NAME', 'old'],
            ['NAME', 'value'],
            ['PATH', '/nowhere'],
          ],
        }),
        'payload',
      ),
      nameOf(1),
    )
    const script = '(cat; printf "|%s" "$@"; echo; env | grep ^FSPL_ | sort) >$out'
    const { text, warnings } = await run(queue, script, { allowJobParameters: true })
    t.strictSame(warnings, [])
    t.strictSame(text.toString().trimEnd().split('\n'), [
      'payload|a b|-n|',
      'FSPL_CTIME_NANOS=0',
      'FSPL_CTIME_RFC3339_LOCAL=2023-11-14T22:13:21+00:00',
      'FSPL_CTIME_RFC3339_UTC=2023-11-14T22:13:21Z',
      'FSPL_CTIME_SECS=1700000001',
      `FSPL_JOB_FILENAME=${nameOf(1)}`,
      `FSPL_JOB_FULLPATH=${queue.paths.jobs}/${nameOf(1)}`,
      `FSPL_JOB_QUEUEDIR=${queue.directory}`,
      'FSPL_PARAM_1=a b',
      'FSPL_PARAM_2=-n',
      'FSPL_PARAM_3=',
      'FSPL_SEQ=1',
      'FSPL_SET_NAME=value',
      'FSPL_SET_PATH=/nowhere',
    ])
  },
)

t.test('parameters that nobody allowed are ignored, with a warning', async (t) => {
  const queue = await temporarySpool(t)
  await queue.add(jobOf(1, { parameters: ['x'] }))
  const { text, warnings } = await run(queue, 'echo $# $FSPL_PARAM_1 >$out')
  t.equal(text.toString(), '0 x\n')
  t.match(warnings, [/parameters of the job are ignored/])
})

t.test('parameters and names that are no text arrive byte for byte', async (t) => {
  const queue = await temporarySpool(t)
  const bytes = Buffer.from([0xff, 0x25, 0x5c, 0x27, 0x0a, 0xfe, 0x0a])
  await queue.add(
    jobOf(1, { parameters: [bytes, 'plain', 'x'.repeat(100_000)], environment: [['A=B', 'v']] }),
    [Buffer.from('payload')],
  )
  const script = '(printf %s "$1$2$FSPL_PARAM_1$#"; cat; env -0 | grep -z ^FSPL_SET) >$out'
  const { text, failures } = await run(queue, script, { allowJobParameters: true })
  t.strictSame(failures, [])
  t.strictSame(
    text,
    Buffer.concat([bytes, Buffer.from('plain'), bytes, Buffer.from('3payloadFSPL_SET_A=B=v\0')]),
  )
})

t.test('a command that cannot be run fails no job', async (t) => {
  const cases = [[], [Buffer.from([0xff])]]
  for (const parameters of cases) {
    const queue = await temporarySpool(t)
    await queue.add(jobOf(1, { parameters }))
    const work = commandWork(['/nonexistent/program'], { allowJobParameters: true })()
    await t.rejects(queue.process(work, { onError: 'delete' }), { code: 'FSQ_EXEC' })
    t.equal(await queue.getNext(), 1n)
    t.equal(entriesOf(queue.paths.jobs).length, 1)
  }
})

t.test('a job that no program can be given has failed, and blocks nothing', async (t) => {
  const queue = await temporarySpool(t)
  const content = rawHeader({ parameters: [Buffer.from('a\0b')] })
  await queue.write([content], 'fspl-nul.fspl')
  const many = Array.from({ length: 18 }, () => 'x'.repeat(120_000))
  t.throws(() => contentOf(jobOf(2, { parameters: many })), { code: 'FSQ_JOB' })
  const { failures } = await run(queue, ':', { onError: 'deadletter' })
  t.match(failures, [/NUL/])
  t.equal(await queue.getNext(), 2n)
})

t.test('whoever reads only a part of the payload, or none, is content', async (t) => {
  const queue = await temporarySpool(t)
  const large = 'x'.repeat(5_000_000)
  for (const decoder of [undefined, 'cat']) {
    const sequence = decoder === undefined ? 1 : 2
    await queue.write(contentOf(jobOf(sequence), large), nameOf(sequence))
    const { failures } = await run(queue, 'head -c 5 >$out', { decoder })
    t.strictSame(failures, [])
  }
  t.equal(await queue.getNext(), 3n)
})

t.test(
  'a payload goes through a decoder, and one that fails at its end fails the job',
  async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1, 2)
    const good = await run(queue, 'cat >>$out', { decoder: 'cat', maxJobs: 1 })
    t.equal(good.text.toString(), '1')
    const bad = await run(queue, 'cat >>$out', { decoder: 'cat; exit 4' })
    t.match(bad.failures, [/decoder "cat; exit 4" failed: exit status 4/])
    t.equal(await queue.getNext(), 2n)
    t.strictSame(entriesOf(queue.paths.jobs), [nameOf(2)])
  },
)

t.test('a command that ends before its decoder ends that, too', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2, 3)
  const begin = performance.now()
  for (const decoder of [
    'cat; exec yes',
    'cat; exec sleep 60',
    'trap "" TERM; cat; exec sleep 60',
  ]) {
    const { failures } = await run(queue, 'exit 0', { decoder, timeout: 50, maxJobs: 1 })
    t.strictSame(failures, [], decoder)
  }
  t.equal(await queue.getNext(), 4n)
  t.ok(performance.now() - begin < 50_000, 'long before they would have')
})

t.test(
  'who is asked to end ends decoders, while jobs are listed and when they are run',
  async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1)
    for (const decoder of ['sleep 60', 'cat; exec sleep 60']) {
      const end = new AbortController()
      const processing = queue.process(commandWork(['cat'])(end.signal), {
        ...{ decoder, signal: end.signal },
      })
      setTimeout(() => {
        end.abort(new Error('asked'))
      }, 300)
      await t.rejects(processing, { message: 'asked' }, decoder)
      t.equal(await queue.getNext(), 1n)
    }
  },
)

t.test('a slow reader of a large payload leaves no listeners behind', async (t) => {
  const warnings: Error[] = []
  const listen = (warning: Error): number => warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const queue = await temporarySpool(t)
  await queue.write(contentOf(jobOf(1), 'x'.repeat(20_000_000)), nameOf(1))
  const script =
    'for i in 1 2 3 4 5 6; do head -c 3000000 >/dev/null; sleep 0.05; done; cat | wc -c >$out'
  const { failures } = await run(queue, script, { decoder: 'cat' })
  t.strictSame(failures, [])
  t.strictSame(warnings, [])
})

t.test('a stop of which a command hears before us is no failure of its job', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const end = new AbortController()
  const askedToo = async (): Promise<boolean> => {
    end.abort(new Error('asked'))
    return true
  }
  const work = commandWork(['sh', '-c', 'kill -INT $$'])(end.signal, askedToo)
  const options = { signal: end.signal, onError: 'delete' } as const
  await t.rejects(queue.process(work, options), { message: 'asked' })
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1)])
})

t.test('a job is not to blame for an environment of ours that is too long', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const module = new URL('../../../dist/adapters/filespooler/index.js', import.meta.url).href
  // In a process of its own: the environment is that of all tests here.
  const code = `import { commandWork, openFilespooler } from ${JSON.stringify(module)}
    for (let at = 0; at < 20; at++) process.env['LONG_' + at] = 'x'.repeat(110_000)
    const queue = openFilespooler(${JSON.stringify(queue.directory)})
    const processing = queue.process(commandWork(['true'])(), { onError: 'delete' })
    console.log(await processing.catch(({ code }) => code))`
  const words = ['--input-type=module', '-e', code]
  const { stdout } = await startProgram(process.execPath, words).ended
  t.equal(stdout, 'FSQ_EXEC\n')
  t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1)])
})

t.test('a job that somebody writes over while it runs is not removed for the other', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const replace: Work = async () => {
    const [header = Buffer.alloc(0)] = contentOf(jobOf(2))
    writeFileSync(`${queue.paths.jobs}/new`, header)
    renameSync(`${queue.paths.jobs}/new`, `${queue.paths.jobs}/${nameOf(1)}`)
  }
  await queue.process(replace, { maxJobs: 1 })
  t.equal((await queue.find(2n)).name, nameOf(1))
})

t.test('a file of another user goes to fail/ as well', { skip }, async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1, 2)
  chownSync(`${queue.paths.jobs}/${nameOf(1)}`, 65533, 65533)
  for (const path of [queue.directory, queue.paths.jobs]) chmodSync(path, 0o777)
  for (const name of ['nextseq', 'nextseq.lock']) chmodSync(`${queue.directory}/${name}`, 0o666)
  chmodSync(dirname(queue.directory), 0o755)
  const words = [
    'fspl',
    'queue-process',
    '-q',
    queue.directory,
    '--on-error',
    'deadletter',
    'false',
  ]
  const { stderr } = await startProgram(process.execPath, [program, ...words], { uid: nobody })
    .ended
  t.match(stderr, /job 1 .* false exited with 1\n.*job 2 /)
  t.strictSame(entriesOf(queue.paths.fail), [nameOf(1), nameOf(2)])
  t.strictSame(entriesOf(queue.paths.jobs), [])
})

t.test('a command that takes too long is killed, with all that it started', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const script = 'sleep 60 & echo $! >$out; wait'
  const { text, failures } = await run(queue, script, { timeout: 0.5 })
  t.match(failures, [/longer than 0.5 s/])
  const pid = text.toString().trim()
  t.match(pid, /^\d+$/)
  // A zombie until init has heard of it.
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid])
  t.match(stdout.toString().trim(), /^(Z.*)?$/)
})

t.test('output is saved beside the job, emptied at each try', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const out = `${queue.paths.jobs}/${nameOf(1)}.out`
  await run(queue, 'echo out; echo err >&2; exit 1', { output: 'save' })
  t.equal(readFileSync(out, 'utf8'), 'out\nerr\n')
  await run(queue, 'echo again', { output: 'save' })
  t.equal(readFileSync(out, 'utf8'), 'again\n')
  t.strictSame(entriesOf(queue.paths.jobs), [`${nameOf(1)}.out`])
})

t.test(
  'who is asked to end hands that on, and leaves a job that ended by it as it was',
  async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1, 2)
    const end = new AbortController()
    const started = `${queue.directory}/started`
    const watching = commandWork(['sh', '-c', `touch ${started}; exec sleep 60`])(end.signal)
    const processing = queue.process(watching, { signal: end.signal })
    while (!existsSync(started)) await new Promise((resolve) => setTimeout(resolve, 5))
    end.abort('SIGTERM')
    await t.rejects(
      processing.catch((reason: unknown) => Promise.reject(new Error(String(reason)))),
      {
        message: 'SIGTERM',
      },
    )
    t.equal(await queue.getNext(), 1n)
    t.strictSame(entriesOf(queue.paths.jobs), [nameOf(1), nameOf(2)])
  },
)

t.test('a handler of the library reads the payload', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const got: string[] = []
  await queue.process(async ({ payload }, { name, directory }) => {
    got.push(name, directory, (await allOf(payload.bytes())).toString())
  })
  t.strictSame(got, [nameOf(1), queue.directory, '1'])
})

t.test('what a handler throws that is no failure of the job ends it all', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  const bug = async (): Promise<void> => Promise.reject(new TypeError('a bug'))
  await t.rejects(queue.process(bug, { onError: 'delete' }), { message: 'a bug' })
  t.equal(await queue.getNext(), 1n)
  t.equal((await queue.process(noting().work)).done, 1, 'and the lock is free again')
})

t.test('options that mean nothing are refused', async (t) => {
  const queue = await temporarySpool(t)
  const options = [{ order: 'Sequence' }, { onError: 'x' }, { maxJobs: -1 }, { colour: 1 }]
  for (const wrong of options)
    await t.rejects(queue.process(noting().work, wrong as ProcessOptions), TypeError)
})

t.test(
  'the lock stays with a command whose processor is killed, and not with what it leaves',
  async (t) => {
    const queue = await temporarySpool(t)
    await fill(queue, 1)
    await run(queue, 'sleep 60 >/dev/null 2>&1 & echo $! >$out')
    t.equal(await queue.getNext(), 2n, 'a daemon that is left does not have it')
    const pid = Number(readFileSync(`${queue.directory}/out`, 'utf8'))
    process.kill(pid)
  },
)

t.test('nothing is run where nextseq cannot be read', async (t) => {
  const queue = await temporarySpool(t)
  await fill(queue, 1)
  writeFileSync(queue.paths.nextseq, 'abc\n')
  await t.rejects(queue.process(noting().work), { code: 'FSQ_SEQUENCE' })
  chmodSync(queue.paths.nextseq, 0o644)
})
