import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { pushItems, type PushEvent, type PushItemsOptions } from '../../lib/remote/push-items.js'
import { openRemote, type Remote } from '../../lib/remote/remote.js'
import type { Queue } from '../../lib/root/queue.js'
import {
  httpServer,
  type Received,
  type Reply,
  rpc,
  type TestServer,
} from '../helpers/http-server.js'
import { contentsOf, temporaryQueue } from '../helpers/temporary.js'

/** A remote that takes items, unless `first` answers before. */
async function remoteFor(
  t: Test,
  first: (received: Received) => Reply | Promise<Reply> | undefined = () => undefined,
  more: object = {},
): Promise<TestServer & { remote: Remote; there: string[] }> {
  const there: string[] = []
  const taking = rpc({
    enqueue: ([id]: [string]) => {
      if (!there.includes(id)) there.push(id)
      return id
    },
    trigger_pull: () => true,
    ...more,
  })
  const server = await httpServer(t, (received) => first(received) ?? taking(received))
  const remote = openRemote(server.address, { connections: 16 })
  t.teardown(() => {
    remote.close()
  })
  return { ...server, remote, there }
}

function methodOf({ json }: Received): unknown {
  return json['method']
}

/** The item that is sent with this request, if it is one that sends one. */
function sentBy(received: Received): string | undefined {
  if (methodOf(received) !== 'enqueue') return undefined
  return (received.json['params'] as string[])[0]
}

async function fill(queue: Queue, count: number): Promise<string[]> {
  return queue.enqueueMany(Array.from({ length: count }, (_, i) => ({ body: `body ${i}` })))
}

/** Pushes, and remembers what was told. */
async function pushed(
  queue: Queue,
  remote: Remote,
  options: PushItemsOptions = {},
): Promise<{ result: unknown; events: PushEvent[]; error?: unknown }> {
  const events: PushEvent[] = []
  const onEvent = (event: PushEvent): void => {
    events.push(event)
    options.onEvent?.(event)
  }
  try {
    return { result: await pushItems(queue, remote, 'mail', { ...options, onEvent }), events }
  } catch (error) {
    return { result: undefined, events, error }
  }
}

function typesOf(events: readonly PushEvent[], ...types: string[]): string[] {
  return events.map(({ type }) => type).filter((type) => types.includes(type))
}

t.test('all items are pushed, oldest first, and are done', async (t) => {
  for (const concurrency of [1, 4]) {
    const { remote, there } = await remoteFor(t)
    const queue = await temporaryQueue(t)
    const names = await fill(queue, 20)
    const { result } = await pushed(queue, remote, { concurrency })
    t.strictSame(result, { pushed: 20, refused: 0, left: 0 })
    t.strictSame(concurrency === 1 ? there : there.sort(), concurrency === 1 ? names : names.sort())
    t.strictSame(contentsOf(queue)['done'], [...names].sort())
  }
})

t.test('an empty queue is pushed at once', async (t) => {
  const { remote, received } = await remoteFor(t)
  const { result } = await pushed(await temporaryQueue(t), remote)
  t.strictSame(result, { pushed: 0, refused: 0, left: 0 })
  t.strictSame(received, [], 'and the remote is not asked for anything')
})

t.test('a host queue is pushed like any other', async (t) => {
  const { remote, there } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  await queue.installHost('h')
  const names = await fill(queue.host('h'), 2)
  const { result } = await pushed(queue.host('h'), remote)
  t.strictSame(result, { pushed: 2, refused: 0, left: 0 })
  t.strictSame(there, names)
  t.strictSame(contentsOf(queue.host('h'))['done'], [...names].sort())
})

t.test('what the remote has already is done all the same', async (t) => {
  const { remote, there } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  there.push(...(await fill(queue, 3)))
  const { result } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 3, refused: 0, left: 0 })
  t.equal(there.length, 3)
})

t.test('while the remote is away items wait, and keep their names', async (t) => {
  let failures = 3
  const tried: string[] = []
  const { remote, there } = await remoteFor(t, (received) => {
    const id = sentBy(received)
    if (id !== undefined) tried.push(id)
    return id !== undefined && failures-- > 0 ? { status: 503, body: '' } : undefined
  })
  const queue = await temporaryQueue(t, { maxTries: 1 })
  const names = await fill(queue, 4)
  const before = performance.now()
  const { result, events } = await pushed(queue, remote)
  const seconds = (performance.now() - before) / 1000
  t.strictSame(result, { pushed: 4, refused: 0, left: 0 })
  t.strictSame(there, names, 'under the names that they had, in their order')
  t.strictSame(tried.slice(0, 4), Array(4).fill(names[0]), 'the oldest is tried again')
  t.strictSame(typesOf(events, 'away', 'back', 'retried'), ['away', 'back'], 'each is told once')
  t.ok(seconds > 3.4, `three pauses, of 1, 2 and 4 s or half as long: ${seconds}`)
})

t.test('of many at a time one tries a remote that is away, and the others wait', async (t) => {
  let isAway = true
  const times: number[] = []
  const { remote, there } = await remoteFor(t, (received) => {
    if (sentBy(received) === undefined || !isAway) return undefined
    times.push(performance.now())
    if (times.length === 10) isAway = false
    return { status: 503, body: '' }
  })
  const queue = await temporaryQueue(t)
  await fill(queue, 30)
  const { result, events } = await pushed(queue, remote, { concurrency: 8 })
  t.strictSame(result, { pushed: 30, refused: 0, left: 0 })
  t.strictSame(typesOf(events, 'away', 'back'), ['away', 'back'])
  t.equal(there.length, 30)
  const [ninth = 0, tenth = 0] = times.slice(8)
  t.ok(tenth - ninth > 300, `after the first eight each try is alone: ${tenth - ninth} ms`)
})

t.test('a remote may say when it wants to be asked again', async (t) => {
  const times: number[] = []
  const { remote } = await remoteFor(t, (received) => {
    if (sentBy(received) === undefined) return undefined
    times.push(performance.now())
    if (times.length > 1) return undefined
    return { status: 503, headers: { 'Retry-After': '2' }, body: '' }
  })
  const queue = await temporaryQueue(t)
  await fill(queue, 1)
  await pushed(queue, remote)
  const [first = 0, second = 0] = times
  t.ok(second - first >= 1990, `${second - first} ms`)
})

t.test('what the remote will never take goes to fail/, the rest goes on', async (t) => {
  const queue = await temporaryQueue(t)
  const [bad = '', ...good] = await fill(queue, 3)
  const { remote, there } = await remoteFor(t, (received) => {
    const { id } = received.json
    if (sentBy(received) !== bad) return undefined
    return { body: { id, error: { code: -32602, message: 'no such name' } } }
  })
  const { result, events } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 2, refused: 1, left: 0 })
  t.strictSame(there, good)
  t.strictSame(contentsOf(queue)['fail'], [bad])
  const failed = events.find(({ type }) => type === 'failed')
  t.match(failed, { id: bad, error: { code: 'FSQ_PUSH_REFUSED', message: /no such name/ } })
})

for (const code of ['FSQ_TIMEFMT', 'FSQ_ENCODE', 'FSQ_COERCE', 'FSQ_MALFORMED'])
  t.test(`a remote to which names are none (${code}) gets no item into fail/`, async (t) => {
    for (const concurrency of [1, 4]) {
      const queue = await temporaryQueue(t)
      const names = await fill(queue, 3)
      const { remote } = await remoteFor(t, (received) => {
        const { id } = received.json
        if (sentBy(received) === undefined) return undefined
        return { body: { id, error: { code: -32602, message: 'no such name', data: { code } } } }
      })
      const { error } = await pushed(queue, remote, { concurrency })
      t.match(error, { code: 'FSQ_PUSH_REFUSED', exitStatus: 111, message: /no such name/ })
      t.strictSame(contentsOf(queue)['queue'], [...names].sort())
      t.strictSame(contentsOf(queue)['fail'], [])
    }
  })

t.test('once a remote took an item, a name that it refuses is of that item', async (t) => {
  const queue = await temporaryQueue(t)
  const [first = '', bad = '', last = ''] = await fill(queue, 3)
  const { remote, there } = await remoteFor(t, (received) => {
    const { id } = received.json
    if (sentBy(received) !== bad) return undefined
    const data = { code: 'FSQ_TIMEFMT' }
    return { body: { id, error: { code: -32602, message: 'no such name', data } } }
  })
  const { result } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 2, refused: 1, left: 0 })
  t.strictSame(there, [first, last])
  t.strictSame(contentsOf(queue)['fail'], [bad])
})

t.test('an item that the remote fails with does not keep the others', async (t) => {
  const queue = await temporaryQueue(t)
  const [bad = '', ...good] = await fill(queue, 4)
  const { remote, there } = await remoteFor(t, (received) => {
    const { id } = received.json
    if (sentBy(received) !== bad) return undefined
    return { body: { id, error: { code: -32603, message: 'oops' } } }
  })
  const { result, events } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 3, refused: 0, left: 1 })
  t.strictSame(there, good)
  t.strictSame(contentsOf(queue)['queue'], [bad], 'it is as it was')
  const error = events.find(({ type }) => type === 'error')
  t.match(error, { id: bad, error: { code: 'FSQ_PUSH', message: /oops/ } })
  t.strictSame(typesOf(events, 'away', 'back'), [])
})

t.test('a remote that refuses to tell what it can refuses no item', async (t) => {
  const queue = await temporaryQueue(t)
  const names = await fill(queue, 2)
  const { remote } = await remoteFor(t, (received) =>
    methodOf(received) === 'system.listMethods' ? { status: 413, body: 'too large' } : undefined,
  )
  const { result, events } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 0, refused: 0, left: 2 })
  t.strictSame(contentsOf(queue)['queue'], names, 'they are as they were')
  t.match(
    events.find(({ type }) => type === 'error'),
    { error: { code: 'FSQ_PUSH', message: /too large/ } },
  )
})

t.test('it ends at once where the remote does not let us', async (t) => {
  for (const status of [401, 403]) {
    const { remote } = await remoteFor(t, (received) =>
      sentBy(received) === undefined ? undefined : { status, body: '' },
    )
    const queue = await temporaryQueue(t)
    const names = await fill(queue, 3)
    for (const follow of [false, true]) {
      const { error, events } = await pushed(queue, remote, { follow, concurrency: 2 })
      t.match(error, { code: 'FSQ_DENIED' })
      t.strictSame(typesOf(events, 'error', 'done', 'failed'), [], 'it is told once, at the end')
      t.strictSame(contentsOf(queue)['queue'], [...names].sort(), 'the items are as they were')
    }
  }
})

t.test('a queue that is down is not pushed', async (t) => {
  const { remote, received } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  await fill(queue, 2)
  await queue.down()
  t.match((await pushed(queue, remote)).error, { code: 'FSQ_DOWN', message: 'q is down' })
  await queue.up()
  await queue.installHost('h')
  await fill(queue.host('h'), 2)
  await queue.downHost('h')
  t.match((await pushed(queue.host('h'), remote)).error, { code: 'FSQ_DOWN' })
  await queue.upHost('h')
  await queue.down()
  t.match((await pushed(queue.host('h'), remote)).error, { code: 'FSQ_DOWN' })
  t.strictSame(received, [])
})

t.test('nor one that goes down while the remote is away', async (t) => {
  const { remote } = await remoteFor(t, (received) =>
    sentBy(received) === undefined ? undefined : { status: 503, body: '' },
  )
  const queue = await temporaryQueue(t)
  const names = await fill(queue, 2)
  const { error } = await pushed(queue, remote, {
    onEvent: ({ type }) => {
      if (type === 'away') void queue.down()
    },
  })
  t.match(error, { code: 'FSQ_DOWN' })
  t.strictSame(contentsOf(queue)['queue'], [...names].sort())
})

t.test('a queue that is not there, or cannot be listed, is an error', async (t) => {
  const { remote } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  await queue.uninstall()
  t.match((await pushed(queue, remote)).error, { code: 'FSQ_NO_QUEUE' })
})

t.test('a target that no queue can be is an error before anything is sent', async (t) => {
  const { remote, received } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  await fill(queue, 1)
  await t.rejects(pushItems(queue, remote, 'a/b'), { code: 'FSQ_PATH' })
  await t.rejects(pushItems(queue, remote, 'mail', { folow: true } as never), TypeError)
  t.strictSame(received, [])
})

t.test('the trigger is pulled once afterwards, if anything was pushed', async (t) => {
  const { remote, received } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  await pushed(queue, remote, { trigger: true })
  t.strictSame(received.map(methodOf), [])
  await fill(queue, 3)
  await pushed(queue, remote, { trigger: true, ignoreListener: true })
  const pulls = received.filter((each) => methodOf(each) === 'trigger_pull')
  t.equal(pulls.length, 1)
  t.equal(received.map(methodOf).at(-1), 'trigger_pull')
  t.match(pulls[0]?.json, { params: { queue: 'mail', ignore_listener: true } })
})

t.test('a trigger that cannot be pulled is an error, and the items are done', async (t) => {
  const { remote } = await remoteFor(t, (received) =>
    methodOf(received) === 'trigger_pull'
      ? { body: { id: received.json['id'], error: { code: -32603, message: 'nobody listens' } } }
      : undefined,
  )
  const queue = await temporaryQueue(t)
  const names = await fill(queue, 2)
  const { error } = await pushed(queue, remote, { trigger: true })
  t.match(error, { code: 'FSQ_REMOTE', message: /nobody listens/ })
  t.strictSame(contentsOf(queue)['done'], [...names].sort())
})

t.test('with follow it goes on with what arrives, until it is stopped', async (t) => {
  const { remote, there, received } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  const first = await fill(queue, 2)
  const controller = new AbortController()
  let bursts = 0
  let later: string[] = []
  const { result } = await pushed(queue, remote, {
    follow: true,
    trigger: true,
    signal: controller.signal,
    onEvent: ({ type }) => {
      if (type !== 'idle') return
      bursts++
      if (bursts === 1) {
        void (async () => {
          await queue.down()
          later = await fill(queue, 2)
          await queue.up()
        })()
      } else if (there.length === 4) controller.abort()
    },
  })
  t.strictSame(result, { pushed: 4, refused: 0, left: 0 })
  t.strictSame(there, [...first, ...later])
  const pulls = received.filter((each) => methodOf(each) === 'trigger_pull')
  t.equal(pulls.length, 2, 'once a burst')
})

t.test('stopped while the remote is away it ends at once, the items as they were', async (t) => {
  const { remote } = await remoteFor(t, () => ({ hangUp: true }))
  for (const follow of [false, true]) {
    const queue = await temporaryQueue(t)
    const names = await fill(queue, 3)
    const controller = new AbortController()
    const before = performance.now()
    const { result } = await pushed(queue, remote, {
      follow,
      concurrency: 2,
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === 'away') controller.abort()
      },
    })
    t.strictSame(result, { pushed: 0, refused: 0, left: 2 })
    t.strictSame(contentsOf(queue)['queue'], [...names].sort())
    t.ok(performance.now() - before < 5000)
  }
})

t.test('stopped while an item is under way it waits for the confirmation', async (t) => {
  const controller = new AbortController()
  const { remote, there } = await remoteFor(t, (received) => {
    if (sentBy(received) !== undefined) controller.abort()
    return undefined
  })
  const queue = await temporaryQueue(t)
  const [first = '', ...rest] = await fill(queue, 3)
  const { result } = await pushed(queue, remote, { signal: controller.signal })
  t.strictSame(result, { pushed: 1, refused: 0, left: 0 })
  t.strictSame(there, [first])
  t.strictSame(contentsOf(queue)['queue'], rest.sort())
})

t.test('how often it was tried, and how old it is, is nothing to a push', async (t) => {
  const { remote, there } = await remoteFor(t)
  const queue = await temporaryQueue(t, { maxTries: 1, ttl: 1 })
  const name = '_20010101000000_0_1_h_5_a'
  writeFileSync(`${queue.path}/queue/${name}`, 'x')
  const { result } = await pushed(queue, remote)
  t.strictSame(result, { pushed: 1, refused: 0, left: 0 })
  t.strictSame(there, [name])
})

t.test('what is no item is moved to fail/, as by a scan', async (t) => {
  const { remote } = await remoteFor(t)
  const queue = await temporaryQueue(t)
  mkdirSync(`${queue.path}/queue/no-item`)
  const { events, result } = await pushed(queue, remote)
  t.strictSame(typesOf(events, 'malformed'), ['malformed'])
  t.strictSame(result, { pushed: 0, refused: 0, left: 0 })
})

t.test('an item that somebody else finished meanwhile is no failure', async (t) => {
  const queue = await temporaryQueue(t)
  const [name = ''] = await fill(queue, 1)
  const { remote } = await remoteFor(t, (received) => {
    if (sentBy(received) !== undefined) unlinkSync(`${queue.path}/queue/${name}`)
    return undefined
  })
  const { result, events } = await pushed(queue, remote, { lock: false })
  t.strictSame(result, { pushed: 0, refused: 0, left: 0 })
  t.match(
    events.find(({ type }) => type === 'error'),
    { id: name, error: { code: 'FSQ_NO_ITEM' } },
  )
})
