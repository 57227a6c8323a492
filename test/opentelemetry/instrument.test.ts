import { once } from 'node:events'
import { unlinkSync, writeFileSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  context,
  type ContextManager,
  diag,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Histogram } from '@opentelemetry/sdk-metrics'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { instrument, type InstrumentOptions } from '../../lib/opentelemetry/index.js'
import type { Queue } from '../../lib/root/queue.js'
import type { FinishedEvent, WorkEvent } from '../../lib/work/events.js'
import type { Handler } from '../../lib/work/run-handler.js'
import type { Worker, WorkOptions } from '../../lib/work/worker.js'
import { contentsOf, nothing, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'
import { telemetry } from './telemetry.js'

/** An instrumented worker that is stopped with the test, and what it told. */
function working(
  t: Test,
  queue: Queue,
  handler: Handler,
  providers: InstrumentOptions = {},
  options: WorkOptions = {},
): { worker: Worker; events: WorkEvent[]; seen: (type: string, times?: number) => Promise<void> } {
  const events: WorkEvent[] = []
  const worker = instrument(queue, providers).work(handler, {
    backoff: [3600],
    maxTries: 2,
    onEvent: (event) => events.push(event),
    ...options,
  })
  t.teardown(async () => {
    await worker.kill().catch(() => undefined)
  })
  return { worker, events, seen: (type, times = 1) => seenIn(events, type, times) }
}

/** Events come in their own time; whoever waits for one looks at each turn of the loop. */
async function seenIn(events: WorkEvent[], type: string, times: number): Promise<void> {
  while (events.filter((event) => event.type === type).length < times) await setImmediate()
}

const fail: Handler = () => {
  throw new RangeError('no such person')
}
const untilAborted: Handler = async (item, { signal }) => {
  await once(signal, 'abort')
  signal.throwIfAborted()
}
const forEver: Handler = () => new Promise(() => undefined)
const common = {
  'messaging.system': 'fsq',
  'messaging.destination.name': 'q',
  'messaging.operation.name': 'process',
}

interface Case {
  readonly handler: Handler
  readonly options?: WorkOptions
  /** Done while the handler runs. */
  readonly meanwhile?: (worker: Worker) => void
  readonly outcome: string
  readonly error?: string
  readonly exception?: string
  /** A work that did not come to its end has no duration. */
  readonly lasts?: false
}

const cases: Record<string, Case> = {
  returns: { handler: () => undefined, outcome: 'done' },
  'finishes the item itself and throws': {
    handler: async (item) => {
      await item.done()
      throw new Error('too late')
    },
    outcome: 'done',
  },
  throws: { handler: fail, outcome: 'retried', error: 'FSQ_HANDLER', exception: 'RangeError' },
  'throws what is no error': {
    handler: () => Promise.reject('a string'), // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors
    outcome: 'retried',
    error: 'FSQ_HANDLER',
    exception: 'FSQ_HANDLER',
  },
  'throws in the last try': {
    handler: fail,
    options: { maxTries: 1 },
    outcome: 'failed',
    error: 'FSQ_HANDLER',
    exception: 'RangeError',
  },
  'fails the item for good': {
    handler: (item) => item.failPerm(),
    outcome: 'failed',
    error: '_OTHER',
  },
  'asks for another try': {
    handler: (item) => item.failTmp({ notBefore: new Date(Date.now() + 3600_000) }),
    outcome: 'retried',
    error: '_OTHER',
  },
  'asks for one try too many': {
    handler: (item) => item.failTmp(),
    options: { maxTries: 1 },
    outcome: 'failed',
    error: 'FSQ_MAX_TRIES',
    exception: 'FSQ_MAX_TRIES',
  },
  'takes too long': {
    handler: untilAborted,
    options: { timeout: 0.05 },
    outcome: 'retried',
    error: 'FSQ_TIMEOUT',
    exception: 'FSQ_TIMEOUT',
  },
  'takes too long and does not listen': {
    handler: forEver,
    options: { timeout: 0.05, grace: 0.05 },
    outcome: 'retried',
    error: 'FSQ_TIMEOUT',
    exception: 'FSQ_TIMEOUT',
  },
  'is stopped': {
    handler: untilAborted,
    options: { drain: 0.01 },
    meanwhile: (worker) => void worker.stop(),
    outcome: 'left',
    error: 'FSQ_STOPPED',
    exception: 'FSQ_STOPPED',
  },
  'is killed': {
    handler: forEver,
    meanwhile: (worker) => void worker.kill(),
    outcome: 'left',
    error: 'FSQ_STOPPED',
    exception: 'FSQ_STOPPED',
  },
  'loses the item to somebody else': {
    handler: ({ id, context }) => {
      unlinkSync(`${context.paths.queue}/${id}`)
    },
    outcome: 'error',
    error: 'FSQ_NO_ITEM',
    exception: 'FSQ_NO_ITEM',
    lasts: false,
  },
}

for (const [what, { handler, options, meanwhile, outcome, ...expected }] of Object.entries(cases)) {
  t.test(`a handler that ${what} has a span, and is counted`, async (t) => {
    const sdk = telemetry(t)
    const queue = await temporaryQueue(t)
    const id = await queue.enqueue('')
    const observed: Handler = (...args) => {
      void setImmediate().then(() => meanwhile?.(worker))
      return handler(...args)
    }
    const { worker, seen } = working(t, queue, observed, sdk.providers, options)
    await seen(outcome)

    const error = expected.error === undefined ? {} : { 'error.type': expected.error }
    const ending = { 'fsq.outcome': outcome, ...error }
    const [span] = sdk.spans
    t.equal(sdk.spans.length, 1)
    t.equal(sdk.open(), 0, 'no span is left open')
    t.match(span, {
      name: 'process q',
      kind: SpanKind.CONSUMER,
      parentSpanContext: undefined,
      status: { code: expected.error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
      instrumentationScope: { name: 'fsq', version: /^\d+\./ },
    })
    t.strictSame(span?.attributes, {
      ...common,
      'messaging.operation.type': 'process',
      'messaging.message.id': id,
      'fsq.item.tries': 0,
      ...ending,
    })
    t.strictSame(
      span?.events.map(({ name, attributes }) => [name, attributes?.['exception.type']]),
      expected.exception === undefined ? [] : [['exception', expected.exception]],
    )
    if (expected.exception !== undefined) t.match(span?.status.message, id, 'the message tells why')

    const attributes = { ...common, ...ending }
    t.strictSame(await sdk.points('messaging.client.consumed.messages'), [{ attributes, value: 1 }])
    t.match(
      await sdk.points('messaging.process.duration'),
      expected.lasts === false ? [] : [{ attributes, value: { count: 1 } }],
    )
    t.strictSame(await sdk.points('fsq.worker.active_items'), [{ attributes: common, value: 0 }])
  })
}

t.test('what is refused is counted, and has no span', async (t) => {
  const sdk = telemetry(t)
  const queue = await temporaryQueue(t)
  await queue.enqueue('', ['old'], { enqueuedAt: new Date(Date.now() - 60_000) })
  writeFileSync(`${queue.context.paths.queue}/no-item`, '')
  const { seen } = working(t, queue, () => t.fail('it is worked on'), sdk.providers, { ttl: 30 })
  await seen('idle')
  t.strictSame(
    new Set(await sdk.points('messaging.client.consumed.messages')),
    new Set([
      {
        attributes: { ...common, 'fsq.outcome': 'expired', 'error.type': 'FSQ_TTL_EXPIRED' },
        value: 1,
      },
      {
        attributes: { ...common, 'fsq.outcome': 'malformed', 'error.type': 'FSQ_MALFORMED' },
        value: 1,
      },
    ]),
  )
  t.strictSame(await sdk.points('messaging.process.duration'), [])
  t.strictSame(await sdk.points('fsq.worker.active_items'), [])
  t.strictSame([sdk.spans.length, sdk.open()], [0, 0])
})

t.test('the spans of an application are children of that of their item', async (t) => {
  const sdk = telemetry(t)
  const tracer = sdk.providers.tracerProvider.getTracer('application')
  const queue = await temporaryQueue(t)
  for (const name of ['a', 'b', 'c']) await queue.enqueue('', [name])
  let running = 0
  const handler: Handler = async ({ id }) => {
    running++
    while (running < 3) await setImmediate() // All three are worked on at the same time.
    await tracer.startActiveSpan('deliver', async (span) => {
      await setImmediate()
      span.setAttribute('id', id).end()
    })
  }
  const { seen } = working(t, queue, handler, sdk.providers, { concurrency: 3 })
  await seen('done', 3)
  const items = sdk.spans.filter(({ name }) => name === 'process q')
  const children = sdk.spans.filter(({ name }) => name === 'deliver')
  t.equal(items.length, 3)
  t.equal(children.length, 3)
  for (const { attributes, parentSpanContext } of children) {
    const parent = items.find(
      (span) => span.attributes['messaging.message.id'] === attributes['id'],
    )
    t.equal(parentSpanContext?.spanId, parent?.spanContext().spanId)
    t.equal(parentSpanContext?.traceId, parent?.spanContext().traceId)
  }
  t.equal(new Set(items.map((span) => span.spanContext().traceId)).size, 3, 'each item has a trace')
})

t.test('the span in which a worker is made is no parent of its items', async (t) => {
  const sdk = telemetry(t)
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const startup = sdk.providers.tracerProvider.getTracer('application').startSpan('startup')
  const { seen } = context.with(trace.setSpan(context.active(), startup), () =>
    working(t, queue, () => undefined, sdk.providers),
  )
  await seen('done')
  t.not(sdk.spans[0]?.spanContext().traceId, startup.spanContext().traceId)
  t.equal(sdk.spans[0]?.parentSpanContext, undefined)
})

t.test('a span, and the duration that is measured, last as long as the work', async (t) => {
  const sdk = telemetry(t)
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const { seen, events } = working(t, queue, () => setTimeout(30), sdk.providers)
  await seen('done')
  const [seconds, nanoseconds] = sdk.spans[0]?.duration ?? [0, 0]
  const [point] = await sdk.points('messaging.process.duration')
  const done = events.find((event): event is FinishedEvent => event.type === 'done')
  t.equal((point?.value as Histogram).sum, done?.seconds, 'as the worker says')
  t.ok(seconds + nanoseconds / 1e9 > 0.028, 'timers are up to a millisecond early')
})

t.test('what is worked on now is counted, for each queue', async (t) => {
  const sdk = telemetry(t)
  const root = temporaryRoot(t)
  for (const name of ['a', 'b']) await (await root.install(name)).enqueue('')
  await root.queue('b').enqueue('')
  let running = 0
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const handler: Handler = async () => {
    running++
    await ended
  }
  const worker = instrument(root, sdk.providers).work(['a', 'b'], handler, { concurrency: 3 })
  t.teardown(async () => worker.kill())
  const active = async (): Promise<unknown> =>
    Object.fromEntries<unknown>(
      (await sdk.points('fsq.worker.active_items')).map(({ attributes, value }) => [
        String(attributes['messaging.destination.name']),
        value,
      ]),
    )
  while (running < 3) await setImmediate()
  t.strictSame(await active(), { a: 1, b: 2 })
  t.equal(sdk.open(), 3)
  end()
  await worker.stop()
  t.strictSame(await active(), { a: 0, b: 0 })
  t.equal(sdk.open(), 0)
})

t.test('the wait for the first try is measured, not that for others', async (t) => {
  const sdk = telemetry(t)
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { enqueuedAt: new Date(Date.now() - 90_000) })
  const { seen } = working(t, queue, fail, sdk.providers, { backoff: [0], maxTries: 3 })
  await seen('failed')
  const [point, ...others] = await sdk.points('fsq.worker.wait_time')
  t.strictSame(others, [])
  t.strictSame(point?.attributes, common)
  const { count, sum = 0 } = point?.value as Histogram
  t.equal(count, 1)
  t.ok(sum >= 90 && sum < 150, `${sum} s`)
  t.equal(sdk.spans.length, 3)
  t.strictSame(
    sdk.spans.map(({ attributes }) => attributes['fsq.item.tries']),
    [0, 1, 2],
  )
})

t.test('metrics have the units of the conventions', async (t) => {
  const sdk = telemetry(t)
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const { seen } = working(t, queue, () => undefined, sdk.providers)
  await seen('done')
  t.strictSame(await sdk.instruments(), {
    'messaging.client.consumed.messages': ['SUM', '{message}'],
    'messaging.process.duration': ['HISTOGRAM', 's'],
    'fsq.worker.wait_time': ['HISTOGRAM', 's'],
    'fsq.worker.active_items': ['SUM', '{item}'],
  })
})

t.test('without an SDK the work is done as ever', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const { seen, worker } = working(t, queue, (item, { signal }) => {
    t.equal(item.id, id)
    t.notOk(signal.aborted)
  })
  await seen('done')
  t.match(await worker.stop(), { done: 1 })
})

t.test('the global providers are used, unless others are given', async (t) => {
  const sdk = telemetry(t)
  trace.setGlobalTracerProvider(sdk.providers.tracerProvider)
  metrics.setGlobalMeterProvider(sdk.providers.meterProvider)
  t.teardown(() => {
    trace.disable()
    metrics.disable()
  })
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const { seen } = working(t, queue, () => undefined)
  await seen('done')
  t.equal(sdk.spans.length, 1)
  t.match(await sdk.points('messaging.client.consumed.messages'), [{ value: 1 }])
})

t.test('an SDK that throws does no harm to the work', async (t) => {
  const broken = (): never => {
    throw new Error('the SDK is broken')
  }
  const sdk = telemetry(t)
  const span = new Proxy(sdk.providers.tracerProvider.getTracer('').startSpan(''), {
    get: (target, name) => (name === 'spanContext' ? target.spanContext.bind(target) : broken),
  })
  const instrumentOf = () => ({ add: broken, record: broken })
  const meter = new Proxy(sdk.providers.meterProvider.getMeter(''), { get: () => instrumentOf })
  const providers: Record<string, InstrumentOptions> = {
    'that begins spans': {
      tracerProvider: { getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) },
    },
    'that ends spans': {
      tracerProvider: { getTracer: () => ({ startSpan: () => span, startActiveSpan: broken }) },
    },
    'that measures': { meterProvider: { getMeter: () => meter } },
  }
  for (const [what, options] of Object.entries(providers)) {
    const queue = await temporaryQueue(t)
    const id = await queue.enqueue('')
    const handled: string[] = []
    const handler: Handler = (item) => handled.push(item.id)
    const { seen, events, worker } = working(t, queue, handler, options)
    await seen('done')
    t.match(await worker.stop(), { done: 1 }, what)
    t.strictSame(handled, [id])
    t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
    t.strictSame(
      events.slice(0, 2).map(({ type }) => type),
      ['claimed', 'done'],
      'the application is told',
    )
  }
})

for (const when of ['before', 'after']) {
  t.test(`a context manager that throws ${when} it calls does no harm to the work`, async (t) => {
    const sdk = telemetry(t)
    const told: unknown[] = []
    const ignored = (): void => undefined
    const others = { warn: ignored, info: ignored, debug: ignored, verbose: ignored }
    diag.setLogger({ ...others, error: (...words) => told.push(words) })
    const manager: ContextManager = {
      active: () => ROOT_CONTEXT,
      with: (_, work, thisArg, ...args) => {
        if (when === 'after') work.call(thisArg, ...args)
        throw new Error('no context')
      },
      bind: (_, target) => target,
      enable: () => manager,
      disable: () => manager,
    }
    context.disable()
    context.setGlobalContextManager(manager)
    t.teardown(() => {
      diag.disable()
    })
    const queue = await temporaryQueue(t)
    const ids = [await queue.enqueue('', ['good']), await queue.enqueue('', ['bad'])]
    const handled: string[] = []
    const { worker } = working(
      t,
      queue,
      (item) => {
        handled.push(item.id)
        if (item.arguments[0] === 'bad') throw new RangeError('bad')
      },
      sdk.providers,
    )
    await once(worker, 'idle')
    t.match(await worker.stop(), { done: 1, retried: 1 })
    t.strictSame(handled, ids)
    t.match(told, [
      [/telemetry/, { message: 'no context' }],
      [/telemetry/, { message: 'no context' }],
    ])
    t.match(sdk.spans.at(-1)?.events, [{ attributes: { 'exception.type': 'RangeError' } }])
  })
}

t.test('what is no handler is refused, as without', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  for (const handler of [undefined, null, 'text', {}]) {
    const wrong = handler as never
    const expected = { name: 'TypeError', message: /^Expected a handler to be a function/ }
    t.throws(() => instrument(queue).work(wrong), expected)
    t.throws(() => instrument(root).work(['q'], wrong, {}), expected)
    t.throws(() => instrument(root.queue('q', { body: z.string() })).work(wrong), expected)
  }
})

for (const type of ['claimed', 'done']) {
  t.test(
    `what the application throws when it is told of ${type} ends the worker, and the span`,
    async (t) => {
      const sdk = telemetry(t)
      const queue = await temporaryQueue(t)
      await queue.enqueue('')
      const onEvent = (event: WorkEvent): void => {
        if (event.type === type) throw new Error('I do not want to know')
      }
      const worker = instrument(queue, sdk.providers).work(() => undefined, { onEvent })
      await t.rejects(worker.ended, { message: 'I do not want to know' })
      t.equal(sdk.open(), 0)
    },
  )
}

t.test('the items of a typed queue have spans, valid or not', async (t) => {
  const sdk = telemetry(t)
  const root = temporaryRoot(t)
  const untyped = await root.install('q')
  const queue = root.queue('q', { body: z.object({ to: z.string() }) })
  const ids = [await queue.enqueue({ to: 'alice' }), await untyped.enqueue('{ "to": 7 }')]
  const active: (string | undefined)[] = []
  const worker = instrument(queue, sdk.providers).work(({ body }) => {
    t.equal(body.to, 'alice')
    active.push(trace.getActiveSpan()?.spanContext().spanId)
  })
  await once(worker, 'idle')
  t.match(await worker.stop(), { done: 1, failed: 1 })
  const [valid, invalid] = ids.map((id) =>
    sdk.spans.find(({ attributes }) => attributes['messaging.message.id'] === id),
  )
  t.strictSame(active, [valid?.spanContext().spanId])
  t.match(invalid?.attributes, { 'fsq.outcome': 'failed', 'error.type': 'FSQ_INVALID' })
  t.equal(sdk.open(), 0)
})

t.test('options that a worker does not take are refused', async (t) => {
  const queue = await temporaryQueue(t)
  const options = { concurency: 2 } as WorkOptions
  t.throws(() => instrument(queue).work(() => undefined, options), TypeError)
})

t.test('the span of an item of a host queue is active, too', async (t) => {
  const { providers, spans } = telemetry(t)
  const queue = await temporaryQueue(t, {}, { hosts: ['a'] })
  await queue.host('a').enqueue('')
  let active: string | undefined
  const handler: Handler = () => {
    active = trace.getActiveSpan()?.spanContext().spanId
  }
  const { seen } = working(t, queue, handler, providers, { hosts: 'all' })
  await seen('done')
  const [span] = spans
  t.equal(active, span?.spanContext().spanId)
  t.equal(span?.name, 'process q/a')
})
