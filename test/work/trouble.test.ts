import { readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { deferred } from '../../lib/deferred.js'
import { systemError } from '../../lib/posix/system-error.js'
import type { WorkEvent } from '../../lib/work/events.js'
import { type Handler, runHandler } from '../../lib/work/run-handler.js'
import type * as Waking from '../../lib/work/wake.js'
import type * as WorkerModule from '../../lib/work/worker.js'
import type { Worker, WorkOptions } from '../../lib/work/worker.js'
import type { Queue } from '../../lib/root/queue.js'
import { eventually } from '../helpers/cli.js'
import { contentsOf, nothing, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

/*
 * What a worker does when something goes wrong around it: handlers and listeners that misbehave, items
 * that cannot be moved, others that end it in the middle.
 */

interface Working {
  readonly worker: Worker
  readonly events: WorkEvent[]
  /** Resolves once there were so many events of the type. */
  readonly seen: (type: WorkEvent['type'], times?: number) => Promise<void>
}

function working(t: Test, queue: Queue, handler: Handler, options: WorkOptions = {}): Working {
  const events: WorkEvent[] = []
  const onEvent = (event: WorkEvent): void => {
    events.push(event)
    options.onEvent?.(event)
  }
  const worker = queue.work(handler, { sweep: 3600, ...options, onEvent })
  t.teardown(async () => worker.kill().catch(() => undefined))
  const count = (type: string): number => events.filter((event) => event.type === type).length
  return {
    worker,
    events,
    seen: async (type, times = 1) => eventually(() => count(type) >= times),
  }
}

const openFiles = (): number => readdirSync('/proc/self/fd').length

t.test('an item that cannot be moved is not worked on again and again', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  let runs = 0
  const work = working(t, queue, () => runs++)
  await work.seen('idle')
  renameSync(queue.context.paths.done, `${queue.context.paths.done}.away`)
  const id = await queue.enqueue('')
  await work.seen('error')
  await setTimeout(200) // So long it would be run hundreds of times.
  t.equal(runs, 1)
  t.match(
    work.events.find(({ type }) => type === 'error'),
    { id, error: { code: 'FSQ_NO_QUEUE' } },
  )
  renameSync(`${queue.context.paths.done}.away`, queue.context.paths.done)
  t.match(await work.worker.stop(), { left: 0 }, 'it is not one that the stop left')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  const next = working(t, queue, () => runs++)
  await next.seen('done')
  t.equal(runs, 2, 'it is there for the next worker')
})

t.test('an item that somebody else finished is none that was left', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const { paths } = queue.context
  const { worker, events, seen } = working(t, queue, () => {
    renameSync(`${paths.queue}/${id}`, `${paths.done}/${id}`)
  })
  await seen('error')
  t.match(
    events.find(({ type }) => type === 'error'),
    { id, error: { code: 'FSQ_NO_ITEM' } },
  )
  t.strictSame(await worker.stop(), { done: 0, failed: 0, retried: 0, left: 0 })
})

t.test('a handler need not wait until the item that it finishes is', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'full' })
  await queue.enqueue('')
  const { worker, events, seen } = working(t, queue, (item) => {
    void item.done()
  })
  await seen('done')
  t.strictSame(await worker.stop(), { done: 1, failed: 0, retried: 0, left: 0 })
  t.notOk(events.some(({ type }) => type === 'error'))
})

t.test('what a handler throws after it finished the item is told', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const { events, seen } = working(t, queue, async (item) => {
    await item.done()
    throw new Error('too late')
  })
  await seen('done')
  const error = { code: 'FSQ_HANDLER', message: /: too late$/ }
  t.match(
    events.find(({ type }) => type === 'done'),
    { outcome: { state: 'done' }, error },
  )
})

t.test('a handler that fails an item itself backs off as one that throws', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const options = { maxTries: 0, backoff: [3600] }
  const { events, seen } = working(t, queue, (item) => item.failTmp(), options)
  await seen('retried')
  const { outcome } = events.find(({ type }) => type === 'retried') as { outcome?: unknown }
  t.match(outcome, { state: 'queue', notBefore: Date })
})

t.test('what a listener throws ends the worker, and nothing else', async (t) => {
  for (const type of ['idle', 'claimed', 'done', 'down'] as const) {
    const queue = await temporaryQueue(t)
    const before = openFiles()
    const id = await queue.enqueue('')
    const onEvent = (event: WorkEvent): void => {
      if (event.type === type) throw new Error(`at ${type}`)
    }
    const { worker } = working(t, queue, () => undefined, { onEvent })
    const ended = t.rejects(worker.ended, { message: `at ${type}` }, type)
    if (type === 'down') {
      await eventually(() => contentsOf(queue)['done']?.length === 1)
      await queue.down()
    }
    await ended
    t.strictSame(contentsOf(queue)['done'], [id], 'the item that was at hand is done')
    await eventually(() => openFiles() <= before)
  }
})

/** The modules, where nothing can be watched. */
async function unwatched(
  t: Test,
): Promise<Pick<typeof WorkerModule, 'Worker'> & Pick<typeof Waking, 'Wake'>> {
  const watchDirectory = (): never => {
    throw systemError('ENOSPC', '.')
  }
  const mocks = { '../../lib/posix/watch.js': { watchDirectory } }
  const wake = await t.mockImport<typeof Waking>('../../lib/work/wake.js', mocks)
  const { Worker } = await t.mockImport<typeof WorkerModule>('../../lib/work/worker.js', {
    '../../lib/work/wake.js': wake,
  })
  return { Worker, Wake: wake.Wake }
}

t.test('a worker whose listener throws before it has begun ends all the same', async (t) => {
  const { Worker } = await unwatched(t)
  const queue = await temporaryQueue(t)
  const before = openFiles()
  const worker = new Worker(
    [{ queue: queue.context, weight: 1 }],
    runHandler(() => undefined),
    {
      onEvent: ({ type }) => {
        throw new Error(`at ${type}`)
      },
    },
  )
  await t.rejects(worker.ended, { message: 'at error' })
  await t.rejects(worker.stop(), { message: 'at error' })
  await eventually(() => openFiles() <= before)
})

t.test('the trigger wakes where there is nothing left to watch with', async (t) => {
  const { Wake } = await unwatched(t)
  const queue = await temporaryQueue(t)
  await queue.trigger()
  const [told, woken] = [new Array<string>(), deferred<undefined>()]
  using wake = new Wake(queue.context, {
    onWork: () => {
      woken.resolve(undefined)
    },
    onError: ({ message }) => told.push(message),
  })
  wake.check()
  t.match(told, [
    /^cannot listen to q, so only the trigger and sweeps find work: .*max_user_watches\)$/,
  ])
  await queue.triggerPull()
  await woken.promise
})

for (const ordered of [false, true])
  t.test(`what is hidden is left to who writes it, ordered: ${ordered}`, async (t) => {
    const queue = await temporaryQueue(t)
    const { worker, events, seen } = working(t, queue, () => undefined, { ordered })
    await seen('idle')
    const hidden = ['._20261123054333_292_15951_vm_0.AbC123', '.x.swp', '.nfs000001']
    for (const name of hidden) writeFileSync(`${queue.context.paths.queue}/${name}`, 'half')
    const id = await queue.enqueue('', [], { ordered }) // It is told of after them.
    await seen('done')
    await worker.stop()
    t.strictSame(contentsOf(queue), { ...nothing, queue: hidden.sort(), done: [id] })
    t.notOk(events.some(({ type }) => type === 'malformed' || type === 'error'))
  })

t.test('a worker that fails while it is asked to end rejects in one place', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const controller = new AbortController()
  const { worker } = working(t, queue, () => undefined, {
    signal: controller.signal,
    onEvent: ({ type }) => {
      if (type !== 'claimed') return
      controller.abort()
      throw new Error('both at once')
    },
  })
  await t.rejects(worker.ended, { message: 'both at once' }) // An unhandled rejection fails the test.
})

t.test('a listener may kill the worker', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const { worker } = working(t, queue, () => new Promise(() => undefined))
  worker.once('claimed', () => {
    void worker.kill()
  })
  t.match(await worker.ended, { left: 1 })
  t.strictSame(contentsOf(queue)['queue'], [id])
})

t.test('limits of a month are none of a millisecond', async (t) => {
  const queue = await temporaryQueue(t)
  const month = 30 * 24 * 3600
  await queue.enqueue('')
  const options = { timeout: month, grace: month, drain: month, sweep: month }
  const { seen, worker } = working(t, queue, async () => setTimeout(50), options)
  await seen('done')
  t.match(await worker.stop(), { done: 1 })
})

t.test('a name with any number of tries is no matter for the backoff', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  writeFileSync(`${queue.context.paths.queue}/_20261121101500_0_1_h_99999`, '')
  const { seen, events } = working(t, queue, () => Promise.reject(new Error('no')), {
    maxTries: 0,
    backoff: { base: 0 },
  })
  await seen('retried', 2)
  t.ok(events.length > 0)
})

t.test('other workers hear of what a stop leaves', async (t) => {
  for (const trigger of [false, true]) {
    const queue = await temporaryQueue(t)
    if (trigger) await queue.trigger()
    const id = await queue.enqueue('')
    const slow = working(t, queue, () => new Promise(() => undefined), { drain: 0, grace: 0 })
    await slow.seen('claimed')
    const other = working(t, queue, () => undefined)
    await other.seen('idle')
    await slow.worker.stop()
    await other.seen('done')
    t.match(
      other.events.find(({ type }) => type === 'done'),
      { id },
    )
  }
})

t.test('what comes while a trigger is made or removed is found', async (t) => {
  for (const made of [true, false]) {
    const queue = await temporaryQueue(t)
    if (!made) await queue.trigger()
    const { seen } = working(t, queue, () => undefined)
    await seen('idle')
    if (made) await queue.trigger()
    else await queue.untrigger()
    await queue.enqueue('')
    if (made) await queue.triggerPull({ ignoreListener: true })
    await seen('done')
    t.pass(made ? 'made' : 'removed')
  }
})

t.test('a time that somebody changes is seen: by inotify, or else by the sweep', async (t) => {
  for (const trigger of [false, true]) {
    const queue = await temporaryQueue(t)
    if (trigger) await queue.trigger()
    const id = await queue.enqueue('', [], { notBefore: new Date(Date.now() + 3_600_000) })
    const { seen } = working(t, queue, () => undefined, { sweep: trigger ? 0.05 : 3600 })
    await seen('idle')
    utimesSync(`${queue.context.paths.queue}/${id}`, new Date(), new Date())
    await seen('done')
    t.strictSame(contentsOf(queue)['done'], [id], trigger ? 'trigger' : 'inotify')
  }
})

t.test('a queue that is gone is not said to be up', async (t) => {
  const queue = await temporaryQueue(t)
  const { events, seen } = working(t, queue, () => undefined, { sweep: 0.05 })
  await seen('idle')
  await queue.uninstall()
  await seen('error')
  await setTimeout(200) // Some sweeps.
  const told = events.map(({ type }) => type).filter((type) => type !== 'idle')
  t.strictSame(
    told.filter((type) => type === 'up'),
    [],
  )
})

t.test('a queue is given once', async (t) => {
  const root = temporaryRoot(t)
  await root.install('q')
  t.throws(() => root.work(['q', { queue: 'q' }], () => undefined), {
    message: 'Expected queues, got q twice',
  })
})
