import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { lastFailures } from '../../lib/upkeep/last-failures.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

t.test('the items that failed last come first, with what their programs wrote', async (t) => {
  const queue = await temporaryQueue(t)
  const { fail, output } = queue.context.paths
  const nameOf = (arg: string): string => itemName({ tries: 2, args: [arg] })
  // Whole seconds: utimes(2) by way of a float may miss a millisecond.
  const now = Math.floor(Date.now() / 1000)
  const soon = (minutes: number): Date => new Date((now + minutes * 60) * 1000)
  const latest = soon(40)
  for (const [arg, time] of Object.entries({ a: soon(20), b: latest, c: soon(30) }))
    utimesSync(putEntry(fail, nameOf(arg)), time, time)
  putEntry(fail, 'malformed')
  putEntry(fail, '.nfs1')
  mkdirSync(output)
  putEntry(output, nameOf('a'), 'it went wrong\n')
  putEntry(output, nameOf('c'), 'x'.repeat(10_000) + 'the end')
  symlinkSync('/etc/passwd', `${output}/${nameOf('b')}`)
  const found = await lastFailures(queue, { outputBytes: 7 })
  t.strictSame(
    found.map(({ id, output: wrote, arguments: args, tries }) => [
      id,
      wrote?.toString(),
      args,
      tries,
    ]),
    [
      [nameOf('b'), undefined, ['b'], 2],
      [nameOf('c'), 'the end', ['c'], 2],
      [nameOf('a'), ' wrong\n', ['a'], 2],
      ['malformed', undefined, undefined, undefined],
    ],
  )
  t.strictSame(found[0]?.failedAt, latest)
  t.equal((await lastFailures(queue, { most: 2 })).length, 2)
})

t.test('without a queue there is none', async (t) => {
  await t.rejects(lastFailures(temporaryRoot(t).queue('nosuch')), { code: 'FSQ_NO_QUEUE' })
})

t.test('an aborted call throws the reason', async (t) => {
  const queue = await temporaryQueue(t)
  writeFileSync(`${queue.context.paths.fail}/a`, '')
  const signal = AbortSignal.abort(new Error('enough'))
  await t.rejects(lastFailures(queue, { signal }), { message: 'enough' })
})
