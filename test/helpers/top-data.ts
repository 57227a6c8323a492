import type { TopData } from '../../lib/cli/top-view.js'

/** What `top` might know of so many queues, q0 and so on, and failures, _0 in q0 and so on. */
export function topData({
  queues = 1,
  failures = 0,
}: {
  queues?: number
  failures?: number
}): TopData {
  const at = new Date('2026-11-21T10:15:00Z')
  return {
    root: '/var/fsq',
    at,
    stats: Array.from({ length: queues }, (_, i) => ({
      queue: `q${i}`,
      at,
      items: { queue: i, done: 1000, fail: failures, tmp: 0 },
      waiting: i,
      delayed: 0,
      malformed: 0,
      locked: [],
      oldestAge: 60,
      ages: [],
      tries: {},
      perMinute: { done: 0, fail: 0 },
      down: i % 2 === 1,
      trigger: false,
      listeners: [],
    })),
    failures: Array.from({ length: failures }, (_, i) => ({
      queue: `q${i}`,
      id: `_${i}`,
      failedAt: at,
      arguments: ['alice', String(i)],
      output: Buffer.from(Array.from({ length: 30 }, (_, line) => `line ${line}\n`).join('')),
    })),
    errors: [],
  }
}
