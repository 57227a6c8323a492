import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import t from 'tap'
import type { FilespoolerQueue } from '../../../lib/adapters/filespooler/queue.js'
import { check, type Ended, program, startProgram, type StartOptions } from '../../helpers/cli.js'
import { addJobs, nextIn, numbersIn, queuesIn } from '../../helpers/filespooler-queues.js'
import { noFspl } from '../../helpers/fspl.js'

/*
 * Filespooler's own program and ours at the same files, taking turns.
 */

const skip = noFspl

type Start = (words: readonly string[], options?: StartOptions) => ReturnType<typeof startProgram>

const theirs: Start = (words, options) => startProgram('fspl', words, options)
const ours: Start = (words, options) =>
  startProgram(process.execPath, [program, 'fspl', ...words], options)

const pairs: Readonly<Record<string, readonly [Start, Start]>> = {
  'fspl first': [theirs, ours],
  'ours first': [ours, theirs],
}

for (const [name, both] of Object.entries(pairs)) {
  for (const order of ['Sequence', 'Timestamp'])
    t.test(`jobs are done in turns, by ${order}, ${name}`, { skip }, async (t) => {
      const { source } = await queuesIn(t)
      await addJobs(source, 3, 1, 4, 2)
      const words = ['queue-process', '-q', source.directory, '-n', '1', '--order-by', order, 'cat']
      for (let job = 1; job <= 4; job++) {
        check(t, await both[job % 2 === 1 ? 0 : 1](words).ended, { stdout: `${job}\n` })
        t.equal(nextIn(source), order === 'Sequence' ? String(job + 1) : '1')
      }
      t.strictSame(await numbersIn(source), [])
    })

  t.test(`jobs are prepared and written in turns, ${name}`, { skip }, async (t) => {
    const { directory, source } = await queuesIn(t)
    const run = async (start: Start, words: string[], input?: Buffer): Promise<Ended> => {
      const ended = await start(words, input === undefined ? {} : { input }).ended
      t.equal(ended.status, 0, ended.stderr)
      return ended
    }
    const prepare = ['prepare', '-s', `${directory}/sender`]
    const write = ['queue-write', '-q', source.directory]
    const [one, two] = both
    for (const [preparer, writer] of [both, [two, one], [one, one]] as const)
      await run(writer, write, (await run(preparer, prepare)).bytes)
    t.strictSame(await numbersIn(source), [1, 2, 3])
    const listings = await Promise.all(
      both.map(async (start) => (await run(start, ['queue-ls', '-q', source.directory])).stdout),
    )
    t.equal(listings[0], listings[1])
  })

  t.test(`who has the lock keeps the other out, ${name}`, { skip }, async (t) => {
    const { directory, source } = await queuesIn(t)
    await addJobs(source, 1, 2)
    const [first, second] = both
    const fifo = `${directory}/fifo`
    execFileSync('mkfifo', [fifo])
    const script = `echo begun; read line <${fifo}; echo "$line"`
    const running = first(processing(source, '-n', '1', 'sh', '--', '-c', script))
    t.equal(await running.line(), 'begun')
    for (const words of [
      ['queue-process', '-q', source.directory, 'true'],
      ['queue-set-next', '-q', source.directory, '7'],
      ['queue-get-next', '-q', source.directory],
    ]) {
      const { status, stdout } = await second(words).ended
      t.strictSame({ status, stdout }, { status: 1, stdout: '' }, words.join(' '))
    }
    const waiting = ours(processing(source, '--wait', '60', 'cat'))
    appendFileSync(fifo, 'ended\n')
    check(t, await running.ended, { stdout: 'begun\nended\n' })
    check(t, await waiting.ended, { stdout: '2\n' }, 'and ours can wait')
    t.equal(nextIn(source), '3')
  })
}

function processing({ directory }: FilespoolerQueue, ...words: readonly string[]): string[] {
  return ['queue-process', '-q', directory, ...words]
}
