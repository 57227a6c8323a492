import t from 'tap'
import {
  setupQueues,
  type SetupOptions,
  type SetupStep,
} from '../../../lib/adapters/jetstream/index.js'
import type { JetStream } from '../../../lib/adapters/jetstream/connection.js'
import { setupKeyValues } from '../../../lib/adapters/jetstream/setup.js'
import { NatsError, natsError } from '../../../lib/adapters/jetstream/nats-error.js'
import { opened } from '../../helpers/jetstream.js'
import { natsServer, withoutNats } from '../../helpers/nats.js'

/*
 * What setup makes on a real server, and what it does where something is there.
 */

const skip = withoutNats()

function said(steps: readonly SetupStep[]): string[] {
  return steps.map(({ kind, name, action, changes }) =>
    [action, kind, name, ...changes].join(' ').trim(),
  )
}

t.test('setup', { skip }, async (t) => {
  const { url } = await natsServer(t)
  const jetStream = opened(t, { servers: url })
  const { manager } = await jetStream.connected()
  const all = [
    'stream FSQ_WORK',
    'stream FSQ_DEAD',
    'bucket fsq_claims',
    'bucket fsq_lease',
    'bucket fsq_bodies',
    'consumer q_any',
    'consumer q_west',
  ]
  const options = { hosts: ['west'] } as const

  await t.test('only says what it would do, if it is told to', async (t) => {
    const steps = await setupQueues(jetStream, ['q'], { ...options, dryRun: true })
    t.strictSame(
      said(steps),
      all.map((what) => `created ${what}`),
    )
    t.strictSame(await manager.streams.names().next(), [])
  })

  await t.test('makes what the promise needs', async (t) => {
    t.strictSame(
      said(await setupQueues(jetStream, ['q'], options)),
      all.map((what) => `created ${what}`),
    )
    const { config } = await manager.streams.info('FSQ_WORK')
    t.match(config, {
      subjects: ['fsq.work.q.*'],
      retention: 'workqueue',
      storage: 'file',
      discard: 'new',
      num_replicas: 1,
      max_age: 0,
      max_bytes: 1024 ** 3,
      duplicate_window: 3600e9,
    })
    const { config: consumer } = await manager.consumers.info('FSQ_WORK', 'q_west')
    t.match(consumer, {
      filter_subject: 'fsq.work.q.west',
      ack_policy: 'explicit',
      ack_wait: 30e9,
      max_deliver: 20,
    })
    const { config: claims } = await manager.streams.info('KV_fsq_claims')
    t.match(claims, { max_age: 7 * 24 * 3600e9, storage: 'file' })
    t.not(claims.allow_direct, true, 'a claim is never read from a replica that lags behind')
  })

  await t.test('changes nothing the second time', async (t) => {
    t.strictSame(
      said(await setupQueues(jetStream, ['q'], options)),
      all.map((what) => `kept ${what}`),
    )
  })

  await t.test('adds queues to what is there', async (t) => {
    const steps = said(await setupQueues(jetStream, ['r.s']))
    t.equal(
      steps[0],
      'changed stream FSQ_WORK subjects: ["fsq.work.q.*"] -> ["fsq.work.q.*","fsq.work.r=2Es.*"]',
    )
    t.equal(steps.at(-1), 'created consumer r=2Es_any')
  })

  await t.test('gives a queue a stream of its own', async (t) => {
    const steps = said(await setupQueues(jetStream, ['own'], { stream: 'OWN', maxBytes: 2 ** 20 }))
    t.equal(steps[0], 'created stream OWN')
    t.match(steps[1], /^changed stream FSQ_DEAD subjects: .*OWN/)
    t.equal(await manager.streams.find('fsq.work.own.any'), 'OWN')
    await t.rejects(setupQueues(jetStream, ['q'], { stream: 'OTHER', maxBytes: 1000 }), {
      message: /^cannot make stream OTHER: subjects overlap/,
    })
  })

  const changes: [string, SetupOptions, string][] = [
    ['ackWait', { ackWait: 5 }, 'changed consumer q_any ack_wait: 30s -> 5s'],
    ['maxDeliver', { maxDeliver: 7 }, 'changed consumer q_any max_deliver: 20 -> 7'],
    [
      'maxBytes',
      { maxBytes: 1_200_000_000 },
      'changed stream FSQ_WORK max_bytes: 1073741824 -> 1200000000',
    ],
    [
      'duplicateWindow',
      { duplicateWindow: 7200 },
      'changed stream FSQ_WORK duplicate_window: 3600s -> 7200s',
    ],
    ['claimsTtl', { claimsTtl: 864000 }, 'changed bucket fsq_claims max_age: 604800s -> 864000s'],
  ]
  for (const [what, option, step] of changes) {
    await t.test(`changes ${what} to what is given, and keeps it`, async (t) => {
      t.ok(said(await setupQueues(jetStream, ['q'], option)).includes(step))
      t.notOk(said(await setupQueues(jetStream, ['q'])).some((each) => each.startsWith('changed')))
    })
  }

  const weaker: [string, SetupOptions][] = [
    ['max_bytes', { maxBytes: 1000 }],
    ['duplicate_window', { duplicateWindow: 10 }],
    ['max_age', { claimsTtl: 3600 }],
  ]
  for (const [what, option] of weaker) {
    await t.test(`does not weaken ${what}, and does nothing else then`, async (t) => {
      const before = await manager.streams.names().next()
      await t.rejects(setupQueues(jetStream, ['new'], option), {
        code: 'FSQ_NATS_SETUP',
        message: new RegExp(`${what}.*not weakened`),
      })
      t.strictSame(await manager.streams.names().next(), before)
      await t.rejects(manager.consumers.info('FSQ_WORK', 'new_any'))
    })
  }

  await t.test('mends what would lose items, where that can be changed', async (t) => {
    await manager.streams.update('FSQ_WORK', { max_age: 86_400e9, max_msgs: 10 })
    t.ok(
      said(await setupQueues(jetStream, ['q'])).includes(
        'changed stream FSQ_WORK max_msgs: 10 -> -1 max_age: 86400s -> 0s',
      ),
    )
  })

  await t.test('takes parts of a second', async (t) => {
    const parts = { ackWait: 4.1, duplicateWindow: 1.001, claimsTtl: 7200.1 }
    await setupQueues(opened(t, { servers: (await natsServer(t)).url }), ['q'], parts)
  })

  await t.test('does not ask a server that is alone for replicas', async (t) => {
    await t.rejects(setupQueues(jetStream, ['q'], { replicas: 3 }), {
      code: 'FSQ_NATS_SETUP',
      message: /in no cluster/,
    })
    t.equal((await manager.streams.info('FSQ_WORK')).config.num_replicas, 1)
  })

  await t.test('refuses what cannot be changed', async (t) => {
    await manager.streams.add({
      name: 'ODD',
      subjects: ['fsq.work.odd.*'],
      storage: 'memory',
    } as never)
    await t.rejects(setupQueues(jetStream, ['odd'], { stream: 'ODD' }), {
      code: 'FSQ_NATS_SETUP',
      message: /cannot use stream ODD: its (storage|retention) is .*cannot be changed/,
    })
  })

  const wrong: [string, readonly string[], object][] = [
    ['a queue', ['.q'], {}],
    ['a host', ['q'], { hosts: ['any'] }],
  ]
  for (const [what, queues, option] of wrong)
    await t.rejects(setupQueues(jetStream, queues, option), { code: 'FSQ_PATH' }, what)
  for (const option of [
    { replicas: 0 },
    { replicas: 2 },
    { replicas: 7 },
    { maxBytes: -1 },
    { ackWait: 0 },
    { maxDeliver: 1.5 },
    { stream: 'a.b' },
    { claimsTtl: 3599 },
    { no: 1 },
  ])
    await t.rejects(
      setupQueues(jetStream, ['q'], option as never),
      TypeError,
      JSON.stringify(option),
    )
})

t.test('what a cluster leaves without an answer is asked once more', async (t) => {
  const timeout = Object.assign(new Error('timeout'), { name: 'TimeoutError' })
  const unanswered = natsError('cannot set up the queues', timeout)
  const denied = new NatsError('denied', 'not yours')
  const table: readonly (readonly [errors: readonly unknown[], asked: number, code?: string])[] = [
    [[], 1],
    [[unanswered], 2],
    [[unanswered, unanswered], 2, 'FSQ_NATS'],
    [[denied], 1, 'FSQ_DENIED'],
  ]
  for (const [errors, times, code] of table) {
    let asked = 0
    const use = async (): Promise<unknown[]> => {
      const error = errors[asked++]
      if (error !== undefined) throw error
      return []
    }
    const steps = setupQueues({ use } as unknown as JetStream, ['q'])
    if (code === undefined) t.strictSame(await steps, [])
    else await t.rejects(steps, { code })
    t.equal(asked, times)
  }
})

t.test('how many servers there are in another domain is not guessed', { skip }, async (t) => {
  const hub = await natsServer(t, { hub: true, domain: 'hub' })
  const leaf = await natsServer(t, { leafOf: [hub.leafUrl], domain: 'leaf' })
  const here = opened(t, { servers: leaf.url, domain: 'leaf' })
  await setupQueues(here, ['q'])
  const there = opened(t, { servers: leaf.url, domain: 'hub' })
  const unknown = { code: 'FSQ_NATS_SETUP', message: /domain hub .*--replicas/ }
  await t.rejects(setupQueues(there, ['q']), unknown)
  await t.rejects(setupKeyValues(there), unknown)
  await setupQueues(there, ['q'], { replicas: 1 })
  const steps = said(await setupQueues(there, ['q', 'r']))
  t.equal(steps.at(-1), 'created consumer r_any')
  t.notMatch(steps.join(), /num_replicas/)
  await setupKeyValues(there)
})
