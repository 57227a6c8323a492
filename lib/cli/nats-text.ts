import type { DeadLetter, NatsQueueStatus, NatsStatus } from '../adapters/jetstream/index.js'
import { tableLines } from './columns.js'
import { plainText } from './output.js'
import { age } from './stat-text.js'
import { formatTime, type TimeFormat } from './times.js'

const statusColumns = [
  { heading: 'QUEUE' },
  ...['ITEMS', 'OLDEST', 'WAITING', 'UNDER WAY', 'AGAIN', 'ASKING', 'DEAD'].map((heading) => ({
    heading,
    right: true,
  })),
  { heading: 'STREAM' },
]

/** How queues stand in NATS: a row for each, and one for each host below it; and what is there beside. */
export function* natsLines(status: NatsStatus, now = Date.now()): Generator<string> {
  const { server, claims, bodies, dead } = status
  yield* tableLines(statusColumns, function* () {
    for (const queue of status.queues) yield* rowsOf(queue, now)
  })
  if (status.queues.length > 0) yield ''
  const cluster = server.cluster === undefined ? '' : ` of ${server.cluster}`
  yield plainText(`server   ${server.name}${cluster}, version ${server.version}`)
  yield `claims   ${claims.count}, ${claims.bytes} bytes`
  yield `bodies   ${bodies.count}, ${bodies.bytes} bytes`
  yield `dead     ${dead}`
}

function* rowsOf(status: NatsQueueStatus, now: number): Generator<string[]> {
  const { queue, depth, oldest, dead, stream, targets } = status
  const since = oldest === undefined ? '-' : age(Math.max(0, now - oldest.getTime()) / 1000)
  yield [plainText(queue), `${depth}`, since, '', '', '', '', `${dead}`, plainText(stream)]
  for (const { target, waiting, underWay, redelivered, pulls } of targets) {
    const counts = [waiting, underWay, redelivered, pulls].map(String)
    yield [`  ${plainText(target)}`, '', '', ...counts]
  }
}

const deadColumns = [
  { heading: 'SEQ', right: true },
  { heading: 'DIED' },
  { heading: 'QUEUE' },
  { heading: 'FOR' },
  { heading: 'SENT', right: true },
  { heading: 'SIZE', right: true },
  { heading: 'NAME' },
  { heading: 'REASON' },
]

/** The lines of a table of dead letters. */
export function deadTable(letters: readonly DeadLetter[], format: TimeFormat): Iterable<string> {
  return tableLines(deadColumns, () =>
    letters.map(({ seq, at, queue, target, deliveries, size, id, reason }) =>
      [
        String(seq),
        formatTime(at, format),
        queue ?? '-',
        target ?? '-',
        deliveries === undefined ? '-' : String(deliveries),
        String(size),
        id ?? '-',
        reason,
      ].map(plainText),
    ),
  )
}
