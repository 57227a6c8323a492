import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { checkMembers } from '../members.js'
import type { Item } from '../queue/item.js'
import type { WorkEvent } from '../work/events.js'
import { checkHandler, type Handler } from '../work/run-handler.js'
import type { Worker, WorkOptions } from '../work/worker.js'
import { api, scope } from './api.js'
import { Metrics } from './metrics.js'
import { Recorder } from './recorder.js'

/** What makes workers: a queue, typed or not, or a root. */
export interface WorkSource {
  /** Makes a worker of a handler, the options behind it, and whatever comes before. */
  work(...args: never[]): Worker
}

/** Where the telemetry goes. */
export interface InstrumentOptions {
  /** Where spans go. @defaultValue the global one */
  readonly tracerProvider?: TracerProvider
  /** Where metrics go. @defaultValue the global one, as it is when {@link instrument} is called */
  readonly meterProvider?: MeterProvider
}

const known: ReadonlySet<string> = new Set<keyof InstrumentOptions>([
  'tracerProvider',
  'meterProvider',
])

/** What a handler gets: the item, or it with what a codec made of it. */
type Handled = Item | { readonly item: Item }

/**
 * Traces and measures the workers of a queue, a typed queue or a root: its `work` takes what theirs takes.
 *
 * Each item that is worked on is a span of kind CONSUMER, active while the handler runs, that ends with
 * what became of the item. Where no SDK is registered nothing is recorded, and what an SDK throws does not
 * reach the worker.
 */
export function instrument<Source extends WorkSource>(
  source: Source,
  options: InstrumentOptions = {},
): Pick<Source, 'work'> {
  if (typeof source.work !== 'function')
    throw new TypeError('Expected a queue or a root, got what has no work()')
  checkMembers('an option of instrument', options, known)
  const { tracerProvider, meterProvider } = options
  const { name, version } = scope
  const tracer = (tracerProvider ?? api.trace).getTracer(name, version)
  const metrics = new Metrics((meterProvider ?? api.metrics).getMeter(name, version))

  const work = (...args: unknown[]): Worker => {
    const at = args.findIndex((argument) => typeof argument === 'function')
    const handler = args[at] as Handler<Handled>
    checkHandler(handler)
    const options = args[at + 1] as WorkOptions | undefined
    const recorder = new Recorder(tracer, metrics)
    const traced: Handler<Handled> = (handled, context) =>
      recorder.run(nameOf('item' in handled ? handled.item : handled), () =>
        handler(handled, context),
      )
    const onEvent = (event: WorkEvent): void => {
      recorder.record(event, options?.onEvent)
    }
    const traceable = [...args.slice(0, at), traced, { ...options, onEvent }]
    return source.work(...(traceable as never[]))
  }
  return { work }
}

/** As events call it: an item of a host queue by the name of that. */
function nameOf({ context, id }: Item): { readonly queue: string; readonly id: string } {
  return { queue: context.name, id }
}
