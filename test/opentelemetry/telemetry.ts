import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { context } from '@opentelemetry/api'
import {
  AggregationTemporality,
  DataPointType,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  type ReadableSpan,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { Test } from 'tap'

/** What was measured under one set of attributes: a sum, or how many values and their sum. */
export interface Point {
  readonly attributes: Record<string, unknown>
  readonly value: number | Histogram
}

/** The SDK, with everything kept in memory. */
export interface Telemetry {
  readonly providers: {
    readonly tracerProvider: BasicTracerProvider
    readonly meterProvider: MeterProvider
  }
  /** The spans that were ended, in that order. */
  readonly spans: readonly ReadableSpan[]
  /** How many were begun and not ended. */
  readonly open: () => number
  /** What was measured under that name so far. */
  readonly points: (name: string) => Promise<Point[]>
  /** What is measured, by name: how it is added up, and its unit. */
  readonly instruments: () => Promise<Record<string, [kind: string | undefined, unit: string]>>
}

/** A new {@link Telemetry}, and a manager of contexts until the test ends. */
export function telemetry(t: Test): Telemetry {
  const contexts = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(contexts)
  const spans: ReadableSpan[] = []
  let open = 0
  const processor: SpanProcessor = {
    onStart() {
      open++
    },
    onEnd(span) {
      open--
      spans.push(span)
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  t.teardown(async () => {
    context.disable()
    await meterProvider.shutdown()
  })
  const metrics = async () => {
    const { resourceMetrics } = await reader.collect()
    return resourceMetrics.scopeMetrics.flatMap((each) => each.metrics)
  }
  return {
    providers: {
      tracerProvider: new BasicTracerProvider({ spanProcessors: [processor] }),
      meterProvider,
    },
    spans,
    open: () => open,
    async points(name) {
      const found = (await metrics()).filter(({ descriptor }) => descriptor.name === name)
      return found.flatMap(({ dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({ attributes, value: value as Point['value'] })),
      )
    },
    async instruments() {
      const all = await metrics()
      return Object.fromEntries(
        all.map(({ descriptor: { name, unit }, dataPointType }) => [
          name,
          [DataPointType[dataPointType], unit],
        ]),
      )
    },
  }
}
