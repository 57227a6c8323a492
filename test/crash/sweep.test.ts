import { readFileSync } from 'node:fs'
import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import { forEachOf, startProgram } from '../helpers/cli.js'
import { bound, sample } from './sample.js'
import { readEvents } from './ledger.js'
import {
  copyOf,
  inject,
  type Injection,
  injectionsOf,
  judgeEnd,
  judgeFailure,
  operate,
  prepare,
  setUp,
  scratchDirectory,
} from './sweep.js'
import { cannotTrace } from './strace.js'

const skip = cannotTrace()

const operations = [
  'enqueue',
  'enqueue of a stream',
  'four enqueues in flight',
  'a batch',
  'a batch with syncfs',
  'enqueue with a key',
  'enqueue with a key that was used',
  'enqueue that replaces by its key',
  'a batch with a key',
  'enqueue in order',
  'enqueue in order behind a kill',
  'first enqueue in order',
  'done in order',
  'claim and done',
  'claim and fail',
  'claim and retry',
  'claim and retry, exhausted',
  'reenqueue',
  'reenqueue by a link',
  'requeue',
  'requeue, fresh',
  'move',
  'dispersal',
  'prune',
  'install',
  'install with hosts',
  'install of a host queue',
  'distribution',
  'uninstall',
]

/**
 * Defects of fsq that were found here and are not mended yet. In a full sweep each must be seen, so
 * that none stays here once it is mended.
 */
const known: readonly {
  readonly what: string
  readonly operations: RegExp
  readonly injections: RegExp
  readonly kinds: RegExp
}[] = [
  {
    what: 'a reenqueue that failed may have left the name; a second call completes it (by design)',
    operations: /^reenqueue/,
    injections: /./,
    kinds: /^false error$/,
  },
  {
    what: 'an uninstall that fails after the rename is neither undone nor can it be tried again',
    operations: /^uninstall$/,
    injections: /./,
    kinds: /^(false error|leftover|stuck)$/,
  },
]

const seen = new Set<string>()
let isComplete = true

for (const operation of operations) {
  t.test(`${operation}: a kill or an error at any call`, { skip }, async (t) => {
    const directory = scratchDirectory()
    t.teardown(() => {
      removeSync(directory)
    })
    const stage = await prepare(operation, directory)
    const all = injectionsOf(stage)
    const isKill = ({ effect }: Injection): boolean => effect.kind === 'kill'
    const half = bound(4) / 2
    const chosen = [
      ...sample(all.filter(isKill), half, operation),
      ...sample(
        all.filter((injection) => !isKill(injection)),
        half,
        operation,
      ),
    ]
    if (chosen.length < all.length) isComplete = false
    const missed: string[] = []
    const found: string[] = []
    await forEachOf(chosen, async (injection) => {
      const findings = await inject(stage, injection)
      if (findings === undefined) missed.push(injection.title)
      for (const { kind, detail } of findings ?? []) {
        const defect = known.find(
          ({ operations, injections, kinds }) =>
            operations.test(operation) && injections.test(injection.title) && kinds.test(kind),
        )
        if (defect === undefined) found.push(`${injection.title}: ${kind}: ${detail}`)
        else seen.add(defect.what)
      }
    })
    t.strictSame(found, [], 'nothing is lost, half or left over')
    t.comment(`${chosen.length} of ${all.length} injections`)
    if (missed.length > 0) t.comment(`not hit, as the trace differs: ${missed.join('; ')}`)
    t.ok(missed.length <= all.length / 10, 'the traces repeat')
  })
}

t.test('the known defects are still there', { skip }, async (t) => {
  for (const { what } of known) {
    if (isComplete) t.ok(seen.has(what), what)
    else t.comment(what)
  }
})

t.test('a body of which only a part can be written is refused', async (t) => {
  const directory = scratchDirectory()
  t.teardown(() => {
    removeSync(directory)
  })
  const operation = 'enqueue of a stream'
  await setUp(operation, directory)
  const place = copyOf(directory)
  // The limit lies in the last piece: write(2) takes what goes below it, and then nothing more.
  const limited = 'ulimit -f 100; exec "$@"'
  const command = [process.execPath, operate, operation, 'act', place]
  const running = startProgram('sh', ['-c', limited, 'sh', ...command], { input: { later: true } })
  t.equal(await running.line(), 'failed')
  t.strictSame(judgeFailure(operation, place), [])
  t.match(
    readEvents(readFileSync(`${place}/ledger`, 'utf8')).at(-1)?.message,
    /the file would be too large/,
  )
  running.kill('SIGKILL')
  await running.ended
  t.equal((await startProgram(command[0] ?? '', command.slice(1)).ended).status, 0)
  t.strictSame(await judgeEnd(operation, place), [])
})
