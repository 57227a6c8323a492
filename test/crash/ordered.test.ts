import { removeSync } from 'fs-extra/esm'
import t, { type Test } from 'tap'
import { type Call, cannotTrace, readTrace, startTraced } from './strace.js'
import { operate, scratchDirectory, setUp } from './sweep.js'

const skip = cannotTrace()

/** Every call of an operation that the kernel did. */
async function callsOf(t: Test, operation: string): Promise<Call[]> {
  const directory = scratchDirectory()
  t.teardown(() => {
    removeSync(directory)
  })
  await setUp(operation, directory)
  const place = `${directory}/template`
  const words = [process.execPath, operate, operation, 'act', place]
  const { status } = await startTraced(`${place}/trace`, words, ['-f']).ended
  t.equal(status, 0)
  return readTrace(`${place}/trace`).filter(({ result }) => Number.parseInt(result) >= 0)
}

const renames = ['rename', 'renameat', 'renameat2', 'link', 'linkat']

/** The call that gives a file that name; the first of those that come behind another call. */
function naming(calls: readonly Call[], name: RegExp, after = -1): Call {
  const found = calls.find(
    (call) =>
      renames.includes(call.name) &&
      call.began > after &&
      call.arguments.some((it) => name.test(it)),
  )
  if (found === undefined) throw new Error(`nothing is called ${String(name)}`)
  return found
}

/** What was synced between two calls. */
function syncedBetween(calls: readonly Call[], first: Call | undefined, last: Call): string[] {
  return calls
    .filter(({ name, began, ended }) => {
      return name === 'fsync' && began > (first?.ended ?? -1) && ended < last.began
    })
    .map(({ arguments: [word = ''] }) => word)
}

/*
 * A number whose item lasts, while neither `seq` nor `seq.temp` does, would be given again by whoever comes
 * next. So seq.temp and its name are synced before the item gets its name, and seq is renamed behind that.
 */
t.test('a number is on the disk before its item is', { skip }, async (t) => {
  const calls = await callsOf(t, 'enqueue in order')
  const item = naming(calls, /\/q\/queue\//)
  const before = syncedBetween(calls, undefined, item)
  for (const what of [/\/q\/seq\.new>/, /\/q>/])
    t.ok(
      before.some((each) => what.test(each)),
      String(what),
    )
  const number = naming(calls, /\/q\/seq$/, item.ended)
  t.ok(syncedBetween(calls, item, number).some((each) => each.includes('/q/queue>')))
})

/*
 * Until `seq` has it, the seq.temp of who was killed is all that tells of the number of an item. Were it
 * missing for a moment, a second kill then would have the number given again.
 */
t.test('what tells of a number is replaced, and never missing', { skip }, async (t) => {
  const calls = await callsOf(t, 'enqueue in order behind a kill')
  const named = (call: Call): boolean => call.arguments.some((it) => it.endsWith('/q/seq.temp'))
  const removed = calls.filter(({ name }) => name.startsWith('unlink')).filter(named)
  t.strictSame(removed, [])
  const made = naming(calls, /\/q\/seq\.temp$/)
  t.ok(syncedBetween(calls, undefined, made).some((each) => each.includes('/q/seq.new>')))
  t.ok(made.ended < naming(calls, /\/q\/queue\//).began)
})

/*
 * A number in nextseq whose item is not in done/ for good would be one whose item is never done, if the loss
 * of power puts that back into queue/.
 */
t.test('an item is done for good before the next is next', { skip }, async (t) => {
  const calls = await callsOf(t, 'done in order')
  const done = calls.find(
    ({ name, arguments: words }) =>
      name === 'renameat2' && words.some((it) => it.includes('/q/done')),
  )
  if (done === undefined) throw new Error('it is not done')
  const number = naming(calls, /\/q\/nextseq$/, done.began)
  t.ok(done.ended < number.began)
  t.ok(syncedBetween(calls, done, number).some((each) => each.includes('/q/done>')))
})
