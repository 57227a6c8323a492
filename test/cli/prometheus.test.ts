import t from 'tap'
import { prometheusLines } from '../../lib/cli/prometheus.js'
import type { QueueStat } from '../../lib/upkeep/stat-queue.js'

const stat: QueueStat = {
  queue: 'mail',
  at: new Date(),
  items: { queue: 9, done: 1_000_000, fail: 3, tmp: 0 },
  waiting: 6,
  delayed: 2,
  malformed: 0,
  locked: [{ id: '_1', pid: 7 }],
  oldestAge: 12.5,
  ages: [6, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  tries: { '0': 8, '10+': 1 },
  perMinute: { done: 60, fail: 0 },
  down: true,
  trigger: true,
  listeners: [4, 5],
}
const { oldestAge: _, ...idle } = { ...stat, queue: 'a"b\\c\nd ü', down: false }

/** The grammar of the format, as far as gauges with labels need it. */
const grammar =
  /^(# HELP [a-z_]+ [^\n\\]+|# TYPE [a-z_]+ gauge|[a-z_]+\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\} \d+(\.\d+)?)$/

t.test('the metrics of two queues', async (t) => {
  const lines = prometheusLines([stat, idle])
  for (const line of lines) t.match(line, grammar)
  const samples = lines.filter((line) => !line.startsWith('#'))
  t.strictSame(
    samples.filter((line) => line.includes('queue="mail"')),
    [
      'fsq_items{queue="mail",state="queue"} 9',
      'fsq_items{queue="mail",state="done"} 1000000',
      'fsq_items{queue="mail",state="fail"} 3',
      'fsq_items{queue="mail",state="tmp"} 0',
      'fsq_waiting{queue="mail"} 6',
      'fsq_delayed{queue="mail"} 2',
      'fsq_locked{queue="mail"} 1',
      'fsq_malformed{queue="mail"} 0',
      'fsq_oldest_age_seconds{queue="mail"} 12.5',
      'fsq_tries{queue="mail",tries="0"} 8',
      'fsq_tries{queue="mail",tries="10+"} 1',
      'fsq_finished_per_minute{queue="mail",state="done"} 60',
      'fsq_finished_per_minute{queue="mail",state="fail"} 0',
      'fsq_up{queue="mail"} 0',
      'fsq_listeners{queue="mail"} 2',
    ],
  )
  const odd = 'queue="a\\"b\\\\c\\nd ü"'
  t.ok(samples.includes(`fsq_up{${odd}} 1`), 'labels are escaped')
  t.ok(samples.includes(`fsq_oldest_age_seconds{${odd}} 0`), 'nothing waits')
})

t.test('the samples of a metric stand together, behind its help and its type', async (t) => {
  const names = prometheusLines([stat, idle]).map((line) => /fsq_[a-z_]+/.exec(line)?.[0])
  const groups = names.filter((name, at) => name !== names[at - 1])
  t.equal(new Set(groups).size, groups.length)
})
