import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import { forEachOf } from '../helpers/cli.js'
import { bound, sample } from './sample.js'
import { inject, injectionsOf, prepare, scratchDirectory } from './sweep.js'
import { cannotTrace } from './strace.js'

const operations = [
  'enqueue',
  'enqueue of a stream',
  'four enqueues in flight',
  'claim and done',
  'claim and fail',
  'claim and retry',
  'claim and retry, exhausted',
  'reenqueue',
  'reenqueue by a link',
  'prune',
  'install',
  'uninstall',
]

for (const operation of operations) {
  t.test(`${operation}: a kill or an error at any call`, { skip: cannotTrace() }, async (t) => {
    const directory = scratchDirectory()
    t.teardown(() => {
      removeSync(directory)
    })
    const stage = await prepare(operation, directory)
    const all = injectionsOf(stage)
    const chosen = sample(all, bound(8), operation)
    const missed: string[] = []
    const found: string[] = []
    await forEachOf(chosen, async (injection) => {
      const findings = await inject(stage, injection)
      if (findings === undefined) missed.push(injection.title)
      for (const { kind, detail } of findings ?? [])
        found.push(`${injection.title}: ${kind}: ${detail}`)
    })
    t.strictSame(found, [], 'nothing is lost, half or left over')
    t.comment(`${chosen.length} of ${all.length} injections`)
    if (missed.length > 0) t.comment(`not hit, as the trace differs: ${missed.join('; ')}`)
    t.ok(missed.length <= all.length / 10, 'the traces repeat')
  })
}
