import type { QueueStat } from '../upkeep/stat-queue.js'

interface Metric {
  readonly name: string
  readonly help: string
  /** The labels beside the queue, and the value, of each sample. */
  readonly samples: (stat: QueueStat) => readonly [labels: Record<string, string>, value: number][]
}

/** One sample a queue, without a further label. */
function plain(of: (stat: QueueStat) => number): Metric['samples'] {
  return (stat) => [[{}, of(stat)]]
}

const metrics: readonly Metric[] = [
  {
    name: 'fsq_items',
    help: 'Items in a directory of the queue.',
    samples: ({ items }) => Object.entries(items).map(([state, count]) => [{ state }, count]),
  },
  {
    name: 'fsq_waiting',
    help: 'Items that could be worked on now: neither delayed nor locked.',
    samples: plain(({ waiting }) => waiting),
  },
  {
    name: 'fsq_delayed',
    help: 'Items that are not to be worked on yet.',
    samples: plain(({ delayed }) => delayed),
  },
  {
    name: 'fsq_locked',
    help: 'Items that somebody is working on.',
    samples: plain(({ locked }) => locked.length),
  },
  {
    name: 'fsq_malformed',
    help: 'Entries of queue/ that are no work-items.',
    samples: plain(({ malformed }) => malformed),
  },
  {
    name: 'fsq_oldest_age_seconds',
    help: 'How long the item that has waited longest has done so; 0 if none waits.',
    samples: plain(({ oldestAge = 0 }) => oldestAge),
  },
  {
    name: 'fsq_tries',
    help: 'Items in queue/ by how often they were tried.',
    samples: ({ tries }) =>
      Object.entries(tries).map(([tried, count]) => [{ tries: tried }, count]),
  },
  {
    name: 'fsq_finished_per_minute',
    help: 'Items that came to done/ or fail/ in the last minute.',
    samples: ({ perMinute }) => Object.entries(perMinute).map(([state, n]) => [{ state }, n]),
  },
  {
    name: 'fsq_up',
    help: '1 if the queue is up, 0 if it is down.',
    samples: plain(({ down }) => (down ? 0 : 1)),
  },
  {
    name: 'fsq_listeners',
    help: 'Processes that are seen to listen to the trigger.',
    samples: plain(({ listeners }) => listeners.length),
  },
]

/** The text format of Prometheus, as the textfile collector of node_exporter reads it; all gauges. */
export function prometheusLines(stats: readonly QueueStat[]): string[] {
  return metrics.flatMap(({ name, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...stats.flatMap((stat) =>
      samples(stat).map(([labels, value]) => {
        const pairs = Object.entries({ queue: stat.queue, ...labels })
        return `${name}{${pairs.map(([key, text]) => `${key}="${escaped(text)}"`).join(',')}} ${value}`
      }),
    ),
  ])
}

/** A label's value: three characters are escaped there, and no others. */
function escaped(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')
}
