import { writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { nextTurn } from '../../lib/turn.js'
import type { JobEvent } from '../../lib/work/events.js'
import { eventually } from '../helpers/cli.js'
import { contentsOf, nothing, temporaryQueue } from '../helpers/temporary.js'

/* What only a caller of the library can do; all else is tested by the program, in exec-items.test. */

t.test('every item is told of, and the programs are counted', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 2 })
  const [good = '', tmp = ''] = await Promise.all(
    ['0', '111'].map((code) => queue.enqueue('', [code])),
  )
  const events: JobEvent[] = []
  const onEvent = (event: JobEvent): number => events.push(event)
  t.strictSame(await queue.exec(['sh', '-c', 'exit "$1"', 'sh'], { onEvent }), { count: 2 })
  const [retried = ''] = contentsOf(queue)['queue'] ?? []
  t.match(events, [
    { type: 'claimed', queue: 'q', id: good, tries: 0, waited: Number },
    { type: 'done', queue: 'q', id: good, outcome: { state: 'done', id: good }, code: 0 },
    { type: 'claimed', queue: 'q', id: tmp, tries: 0, waited: Number },
    { type: 'retried', queue: 'q', id: tmp, outcome: { state: 'queue', id: retried }, code: 111 },
  ])
  t.equal(events.length, 4)
  events.length = 0
  await queue.exec(['/no/such/program'], { onEvent, noDone: true })
  t.match(events[1], { type: 'left', id: retried, error: { code: 'FSQ_EXEC' } })
  t.notOk(events[1] && 'outcome' in events[1], 'nothing became of the item')
})

t.test('what waits for its key in a queue that goes down is not waited for', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = [await queue.enqueue('', ['down']), await queue.enqueue('', ['up'])]
  const go = `${queue.path}/go`
  const wait = `until [ -e '${go}' ]; do sleep 0.01; done; touch '${queue.context.paths.down}'`
  const limits = { limitKey: () => 'one', limitConcurrency: 1, concurrency: 2 }
  const running = queue.exec(['sh', '-c', wait], limits)
  for (let i = 0; i < 5; i++) await nextTurn() // By then the second one waits for the first.
  writeFileSync(go, '')
  await t.rejects(running, { code: 'FSQ_DOWN' })
  t.strictSame(contentsOf(queue), { ...nothing, queue: ids.slice(1), done: ids.slice(0, 1) })
})

t.test('an AbortSignal ends the program and leaves the item', async (t) => {
  const before = process.listenerCount('SIGTERM')
  for (const when of ['before it starts', 'while it runs']) {
    const queue = await temporaryQueue(t)
    const ids = [await queue.enqueue(''), await queue.enqueue('')]
    const controller = new AbortController()
    const reason = new Error('enough')
    const running = queue.exec(['sleep', '30'], {
      signal: controller.signal,
      onEvent: () => {
        const abort = (): void => {
          controller.abort(reason)
        }
        if (when === 'before it starts') abort()
        else setImmediate(abort)
      },
    })
    await t.rejects(running, reason, when)
    t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() }, when)
    const item = await queue.claim(ids[0] ?? '')
    t.ok(item, 'the lock is given up')
    item.close()
  }
  t.equal(process.listenerCount('SIGTERM'), before, 'no listener is left')
})

t.test('what ends a scan ends it here too', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  await t.rejects(queue.exec(['sh', '-c', 'kill -KILL $$']), { code: 'FSQ_PROGRAM_KILLED' })
  await queue.enqueue('')
  await queue.down()
  await t.rejects(queue.exec(['true']), { code: 'FSQ_DOWN' })
  t.strictSame(await queue.exec(['true'], { ignoreDown: true }), { count: 1 })
  await queue.uninstall()
  await t.rejects(queue.exec(['true']), { code: 'FSQ_NO_QUEUE' })
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

t.test('a signal that outlives it keeps nothing of it', async (t) => {
  const queue = await temporaryQueue(t)
  const { signal } = new AbortController()
  const run = async (): Promise<WeakRef<object>> => {
    const onEvent = (): void => undefined
    await queue.exec(['true'], { signal, onEvent })
    return new WeakRef(onEvent)
  }
  const left = await run()
  await eventually(() => {
    collectGarbage()
    return left.deref() === undefined
  }, 10_000)
  t.notOk(signal.aborted, 'it is there still')
})
