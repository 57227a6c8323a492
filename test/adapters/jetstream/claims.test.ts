import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Claim } from '../../../lib/adapters/jetstream/engine.js'
import { NatsError } from '../../../lib/adapters/jetstream/nats-error.js'
import { receiveFrom } from '../../../lib/adapters/jetstream/receive.js'
import type { ReceiveItemsOptions } from '../../../lib/adapters/jetstream/receive-options.js'
import { bodyName, claimKey, subjectOf } from '../../../lib/adapters/jetstream/subject.js'
import { Incoming } from '../../../lib/queue/incoming.js'
import { eventually } from '../../helpers/cli.js'
import { following } from '../../helpers/jetstream.js'
import { type ScriptedEngine, scriptedEngine } from '../../helpers/scripted-engine.js'
import { temporaryQueue } from '../../helpers/temporary.js'

/** The claim of the item. */
async function taken(engine: ScriptedEngine) {
  const entry = await engine.claims.get(key)
  if (entry === undefined) throw new Error('it is not claimed')
  return entry
}

/*
 * Who has an item, whatever was lost and whoever was killed in between: with an engine in memory.
 */

const id = '_20261122101112_0_1_far_0_a'
const key = claimKey('q', id)

async function place(t: Test, host?: string) {
  const queue = await temporaryQueue(t, { durability: 'none', maxTries: 0 })
  const engine = scriptedEngine('q', host)
  const identity = await (async () => {
    using incoming = await Incoming.open(queue.context)
    return incoming.identity
  })()
  const names = (directory: string): string[] => readdirSync(`${queue.path}/${directory}`)
  return {
    queue,
    engine,
    identity,
    names,
    staged: () => names('.incoming/staged'),
    linked: () => names('.incoming/linked'),
    /** Leaves what a receiver leaves that was killed once it was staged. */
    stage: async (body = `body of ${id}`): Promise<string> => {
      using incoming = await Incoming.open(queue.context)
      return (await incoming.stage(id, body)).stamp
    },
    /** Leaves what a receiver leaves that was killed once it was linked, or kept until it is finished. */
    link: async (isKept: boolean): Promise<void> => {
      using incoming = await Incoming.open(queue.context)
      const arriving = await incoming.stage(id, `body of ${id}`)
      await arriving.publish()
      if (isKept) arriving.keep()
    },
    receive: (options: ReceiveItemsOptions = {}) =>
      following(t, (told) =>
        receiveFrom(engine, queue.context, {
          ...(host !== undefined && { host }),
          ...options,
          ...told,
        }),
      ),
    claimed: (claim: Partial<Claim>) => {
      const value = { receiver: 'other', host: 'h', token: 'x', ...claim }
      return engine.claims.create(key, value)
    },
    claim: () => engine.claims.entries.get(key)?.value,
  }
}

t.test('an item of the pool is claimed before it is in the queue', async (t) => {
  const { engine, receive, names, staged, claim, identity } = await place(t)
  const receiver = receive({ as: 'west' })
  engine.claims.before = (what) => {
    if (what === 'create') t.strictSame([staged(), names('queue')], [[id], []])
  }
  const { handle } = engine.deliver({ id })
  await once(engine.events, 'confirmed')
  t.strictSame([names('queue'), staged(), engine.fates.get(handle)], [[id], [], 'confirmed'])
  t.match(claim(), { receiver: identity, host: 'west', handle: undefined })
  t.match(await receiver.stop(), { received: 1, repeated: 0 })
})

const others = [
  ['spooled there', {}],
  ['finished there', { handle: '$JS.ACK.1.0', finished: true }],
] as const
for (const [what, claim] of others) {
  t.test(`an item that was ${what} is confirmed, and not received`, async (t) => {
    for (const deliveries of [1, 2]) {
      const { engine, receive, claimed, names, staged } = await place(t)
      await claimed(claim)
      const receiver = receive()
      engine.deliver({ id, deliveries })
      await once(engine.events, 'confirmed')
      t.strictSame([names('queue'), staged()], [[], []])
      t.match(await receiver.stop(), { received: 0, repeated: 1 })
    }
  })
}

t.test('a claim whose answer was lost is ours', async (t) => {
  const { engine, receive, names } = await place(t)
  let lost = 0
  engine.claims.after = (what) => {
    if (what === 'create' && lost++ === 0) throw new NatsError('away', 'the answer is lost')
  }
  const receiver = receive()
  engine.deliver({ id })
  await once(engine.events, 'confirmed')
  t.strictSame(names('queue'), [id])
  t.equal(receiver.count('away'), 1)
  t.equal(receiver.count('back'), 1)
})

t.test(
  'what was claimed before a kill is linked, whether or not it is delivered again',
  async (t) => {
    for (const again of [true, false]) {
      const { engine, receive, names, stage, staged, claimed, identity } = await place(t)
      await claimed({ receiver: identity, token: await stage() })
      const receiver = receive()
      if (again) engine.deliver({ id, deliveries: 2 })
      await receiver.until('received')
      await eventually(() => staged().length === 0)
      t.strictSame(names('queue'), [id])
      await receiver.stop()
    }
  },
)

t.test('an item that we had is not received again, though nothing of it is left', async (t) => {
  for (const deliveries of [1, 2]) {
    const { engine, receive, names, staged, claimed, identity } = await place(t)
    await claimed({ receiver: identity, token: 'another file' })
    const receiver = receive()
    engine.deliver({ id, deliveries })
    await once(engine.events, 'confirmed')
    t.strictSame([names('queue'), staged()], [[], []])
    t.match(await receiver.stop(), { received: 0, repeated: 1 })
  }
})

t.test('of what was staged again after it had been received nothing is linked', async (t) => {
  const { receive, names, stage, staged, claimed, identity } = await place(t)
  await stage()
  await claimed({ receiver: identity, token: 'the first file' })
  receive()
  await eventually(() => staged().length === 0)
  t.strictSame(names('queue'), [])
})

t.test(
  'what is staged and not claimed is used if it is whole, and written anew if not',
  async (t) => {
    for (const isWhole of [true, false]) {
      const { queue, engine, receive, stage, claim } = await place(t)
      const stamp = await stage()
      if (!isWhole) writeFileSync(`${queue.path}/.incoming/staged/${id}`, 'half')
      const resumed = t.capture(Incoming.prototype, 'resume')
      engine.claims.before = (what) => {
        if (what === 'create') t.equal(resumed().length, isWhole ? 1 : 0, 'it lasts before')
      }
      const receiver = receive()
      engine.deliver({ id, deliveries: 2 })
      await once(engine.events, 'confirmed')
      t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), `body of ${id}`)
      t.equal(
        claim()?.token === stamp,
        isWhole,
        'a claim that is still on its way is for that file',
      )
      await receiver.stop()
    }
  },
)

t.test('what was staged and has not got its time is staged anew', async (t) => {
  for (const isOfItsTime of [true, false]) {
    const { queue, engine, receive, claim } = await place(t)
    const notBefore = new Date(Date.now() + 3_600_000)
    const stamp = await (async () => {
      using incoming = await Incoming.open(queue.context)
      const options = isOfItsTime ? { notBefore } : {}
      return (await incoming.stage(id, `body of ${id}`, options)).stamp
    })()
    const receiver = receive()
    engine.deliver({ id, notBefore, deliveries: 2 })
    await once(engine.events, 'confirmed')
    t.equal(statSync(`${queue.path}/queue/${id}`).mtime.getTime(), notBefore.getTime())
    t.equal(claim()?.token === stamp, isOfItsTime)
    await receiver.stop()
  }
})

t.test('what others have claimed is removed where it was left', async (t) => {
  const { receive, names, stage, staged, claimed } = await place(t)
  await stage()
  await claimed({})
  receive()
  await eventually(() => staged().length === 0)
  t.strictSame(names('queue'), [])
})

t.test('a body that is kept apart is removed before the item is confirmed', async (t) => {
  for (const ack of ['spooled', 'finished'] as const) {
    const { queue, engine, receive } = await place(t)
    const text = `body of ${id}`
    const name = bodyName(subjectOf('work', 'q', undefined), id)
    engine.storedBodies.set(name, Buffer.from(text))
    const digest = createHash('sha256').update(text).digest('hex')
    engine.events.once('confirmed', () => {
      t.equal(engine.storedBodies.size, 0, 'who is killed then would never remove it')
    })
    const receiver = receive({ ack })
    engine.deliver({ id, stored: { name, size: text.length, digest }, body: Buffer.alloc(0) })
    const confirmed = once(engine.events, 'confirmed')
    await receiver.until('received')
    if (ack === 'finished') await (await queue.claim(id)).done()
    await confirmed
    await receiver.stop()
  }
})

/** Two items, the first with a body that is kept apart. */
function deliverTwo(engine: ScriptedEngine) {
  const text = `body of ${id}`
  const name = bodyName(subjectOf('work', 'q', undefined), id)
  engine.storedBodies.set(name, Buffer.from(text))
  const digest = createHash('sha256').update(text).digest('hex')
  const stored = { name, size: text.length, digest }
  const second = `${id}2`
  return {
    first: engine.deliver({ id, stored, body: Buffer.alloc(0) }),
    second: { id: second, ...engine.deliver({ id: second }) },
  }
}

for (const ack of ['spooled', 'finished'] as const) {
  t.test(`a body that cannot be removed yet holds up its own item only, ${ack}`, async (t) => {
    const { queue, engine, receive } = await place(t)
    let release: () => void = () => undefined
    const removing = new Promise<void>((resolve) => {
      engine.beforeRemoval = async () => {
        resolve()
        await new Promise<void>((go) => (release = go))
      }
    })
    const receiver = receive({ ack })
    const { first, second } = deliverTwo(engine)
    const confirmed = once(engine.events, 'confirmed')
    await receiver.until('received', 2)
    if (ack === 'finished') {
      await (await queue.claim(id)).done()
      await removing
      await (await queue.claim(second.id)).done()
    }
    t.strictSame(await confirmed, [second.handle])
    const last = once(engine.events, 'confirmed')
    release()
    t.strictSame(await last, [first.handle])
    await receiver.stop()
  })

  t.test(`a body that cannot be removed for a while is told once, ${ack}`, async (t) => {
    const { queue, engine, receive } = await place(t)
    const handles: string[] = []
    let attempts = 0
    engine.beforeRemoval = async () => {
      if (++attempts < 3 || handles.length === 0) throw new NatsError('away', 'the body is away')
    }
    const receiver = receive({ ack })
    const { first, second } = deliverTwo(engine)
    engine.events.on('confirmed', (handle: string) => handles.push(handle))
    await receiver.until('received', 2)
    if (ack === 'finished')
      for (const each of [id, second.id]) await (await queue.claim(each)).done()
    await eventually(() => handles.length === 2)
    t.strictSame(handles, [second.handle, first.handle])
    t.strictSame([receiver.count('error'), receiver.count('away')], [1, 0])
    await receiver.stop()
  })
}

t.test('an item that was given back may be claimed by anybody', async (t) => {
  for (const deliveries of [1, 2]) {
    const { engine, receive, names, claimed, claim, identity } = await place(t)
    await claimed({ released: 7 })
    receive()
    engine.deliver({ id, deliveries })
    await once(engine.events, 'confirmed')
    t.strictSame(names('queue'), [id])
    t.match(claim(), { receiver: identity, released: undefined })
  }
})

t.test('with `finished` an item is confirmed when it is done, and kept until then', async (t) => {
  for (const end of ['done', 'failPerm', 'removed'] as const) {
    const { queue, engine, receive, linked, claim } = await place(t)
    const receiver = receive({ ack: 'finished' })
    const { handle } = engine.deliver({ id })
    await receiver.until('received')
    await eventually(() => linked().length === 1)
    t.match(claim(), { handle, finished: undefined })
    const again = await (await queue.claim(id)).failTmp()
    await eventually(() => (engine.kept.get(handle) ?? 0) > 1)
    t.equal(engine.fates.get(handle), undefined, 'not before it is finished, though it was tried')
    const confirmed = once(engine.events, 'confirmed')
    if (end === 'removed') rmSync(`${queue.path}/queue/${again.id}`)
    else await (await queue.claim(again.id))[end]()
    await confirmed
    t.match(claim(), { handle, finished: true })
    await eventually(() => linked().length === 0)
    await receiver.stop()
  }
})

t.test(
  'with `finished`, what was done while no receiver ran is confirmed by the next',
  async (t) => {
    const { queue, engine, receive, linked, claim } = await place(t)
    const first = receive({ ack: 'finished' })
    const { handle } = engine.deliver({ id })
    await first.until('received')
    const item = await queue.claim(id)
    await first.stop()
    t.strictSame(linked(), [id])
    await item.done()
    const confirmed = once(engine.events, 'confirmed')
    const second = receive({ ack: 'finished' })
    t.strictSame(await confirmed, [handle])
    t.match(claim(), { finished: true })
    await eventually(() => linked().length === 0)
    await second.stop()
  },
)

t.test(
  'with `finished`, a redelivery of what is worked on here is kept, not received',
  async (t) => {
    const { queue, engine, receive, names } = await place(t)
    const receiver = receive({ ack: 'finished' })
    engine.deliver({ id })
    await receiver.until('received')
    const { handle } = engine.deliver({ id, deliveries: 2, handle: '$JS.ACK.1.2' })
    await eventually(() => (engine.kept.get(handle) ?? 0) > 0)
    t.strictSame(names('queue'), [id])
    const confirmed = once(engine.events, 'confirmed')
    await (await queue.claim(id)).done()
    t.strictSame(await confirmed, [handle], 'by what was delivered last')
  },
)

t.test('what gets no answer is confirmed by what is delivered next', async (t) => {
  const { queue, engine, receive, linked } = await place(t)
  const receiver = receive({ ack: 'finished' })
  const { handle: first } = engine.deliver({ id })
  await receiver.until('received')
  engine.deaf.add(first)
  const unanswered = once(engine.events, 'unanswered')
  await (await queue.claim(id)).done()
  await unanswered
  const confirmed = once(engine.events, 'confirmed')
  const { handle } = engine.deliver({ id, deliveries: 1, handle: `${first}.again` })
  t.strictSame(await confirmed, [handle])
  await eventually(() => linked().length === 0)
  t.match(await receiver.stop(), { received: 1 })
})

t.test('of an item that was published twice, the first message tells of its end', async (t) => {
  const { queue, engine, receive } = await place(t)
  const receiver = receive({ ack: 'finished' })
  const { handle: first } = engine.deliver({ id })
  await receiver.until('received')
  const { handle: second } = engine.deliver({ id })
  t.strictSame(await once(engine.events, 'confirmed'), [second])
  const item = await queue.claim(id)
  await receiver.stop()
  const again = receive({ ack: 'finished' })
  const { handle: third } = engine.deliver({ id })
  t.strictSame(await once(engine.events, 'confirmed'), [third], 'after a restart, too')
  const confirmed = once(engine.events, 'confirmed')
  await item.done()
  t.strictSame(await confirmed, [first])
  await again.stop()
})

t.test('a second message of an item that another has is confirmed', async (t) => {
  const { engine, receive, claimed, names } = await place(t)
  await claimed({ handle: '$JS.ACK.77.1' })
  const receiver = receive({ ack: 'finished' })
  const { handle } = engine.deliver({ id })
  t.strictSame(await once(engine.events, 'confirmed'), [handle])
  t.strictSame(names('queue'), [])
  t.match(await receiver.stop(), { received: 0, repeated: 1 })
})

/** Messages of an item in the place of its first, which the claim has. */
const inPlaceOfFirst = {
  'after the first was removed': { isGone: true, replaces: undefined },
  'while the first is about to be removed': { isGone: false, replaces: '77' },
}
const first = '$JS.ACK.77.1'
for (const [when, { isGone, replaces }] of Object.entries(inPlaceOfFirst)) {
  t.test(`a requeued item of a receiver that is lost is taken over, ${when}`, async (t) => {
    const { engine, receive, claimed, claim, identity, names } = await place(t)
    await claimed({ handle: first })
    if (isGone) engine.gone.add('77')
    const receiver = receive({ ack: 'finished', lostAfter: 1 })
    const { handle } = engine.deliver({ id, replaces })
    await receiver.until('taken')
    t.strictSame(names('queue'), [id])
    t.match(claim(), { receiver: identity, handle })
    t.equal(engine.fates.get(handle), undefined, 'not before it is finished')
  })

  t.test(
    `a requeued item of a receiver that lives is kept until that has it finished, ${when}`,
    async (t) => {
      const { engine, receive, claimed, names } = await place(t)
      await claimed({ handle: first })
      if (isGone) engine.gone.add('77')
      let [looks, revision] = [0, await engine.leases.create('receiver.other', 'h')]
      engine.leases.before = (what, of) => {
        if (what !== 'get' || of !== 'receiver.other') return
        looks++
        void engine.leases.replace(of, 'h', revision ?? 0).then((next) => (revision = next))
      }
      const receiver = receive({ ack: 'finished', lostAfter: 1 })
      const { handle } = engine.deliver({ id, replaces })
      await eventually(() => looks > 4)
      t.strictSame([names('queue'), engine.fates.get(handle)], [[], undefined])
      t.ok((engine.kept.get(handle) ?? 0) > 0, 'nobody else gets it meanwhile')
      const confirmed = once(engine.events, 'confirmed')
      const { value, revision: ofClaim } = await taken(engine)
      await engine.claims.replace(key, { ...value, finished: true }, ofClaim)
      t.strictSame(await confirmed, [handle])
      t.strictSame(names('queue'), [])
      t.match(await receiver.stop(), { received: 0, repeated: 1 })
    },
  )

  t.test(`by a requeued message of an item that is here its end is told, ${when}`, async (t) => {
    const { queue, engine, receive } = await place(t)
    const receiver = receive({ ack: 'finished' })
    engine.deliver({ id, handle: first })
    await receiver.until('received')
    const item = await queue.claim(id)
    for (const start of ['running', 'started again']) {
      const again = start === 'running' ? receiver : receive({ ack: 'finished' })
      if (isGone) engine.gone.add('77')
      const { handle } = engine.deliver({ id, replaces })
      await eventually(() => (engine.kept.get(handle) ?? 0) > 0)
      t.equal(engine.fates.get(handle), undefined, start)
      if (start === 'started again') {
        const confirmed = once(engine.events, 'confirmed')
        await item.done()
        t.strictSame(await confirmed, [handle])
      }
      await again.stop()
    }
  })
}

t.test('what a receiver that lives has not finished is left to it', async (t) => {
  const { engine, receive, claimed, names } = await place(t)
  await claimed({ handle: '$JS.ACK.1.0' })
  let revision = await engine.leases.create('receiver.other', 'h')
  engine.leases.before = (what, of) => {
    if (what !== 'get' || of !== 'receiver.other') return
    engine.leases.before = () => undefined
    void engine.leases.replace(of, 'h', revision ?? 0).then((next) => (revision = next))
  }
  const receiver = receive({ ack: 'finished', lostAfter: 60 })
  const { handle } = engine.deliver({ id, deliveries: 2 })
  await eventually(() => revision !== 1)
  t.strictSame([names('queue'), engine.fates.get(handle)], [[], undefined])
  t.match(await receiver.stop(), { received: 0, repeated: 0 })
})

t.test('what a receiver that is lost has not finished is taken over', async (t) => {
  const { engine, receive, claimed, claim, identity, names } = await place(t)
  await claimed({ handle: '$JS.ACK.1.0' })
  const receiver = receive({ ack: 'finished', lostAfter: 1 })
  engine.deliver({ id, deliveries: 2 })
  await receiver.until('taken')
  t.strictSame(names('queue'), [id])
  t.match(claim(), { receiver: identity })
})

t.test('what was taken over meanwhile is taken out of the queue', async (t) => {
  const { queue, engine, receive, linked, names, staged } = await place(t)
  const first = receive({ ack: 'finished' })
  engine.deliver({ id })
  await first.until('received')
  const item = await queue.claim(id)
  await first.stop()
  item.close()
  const { value, revision } = await taken(engine)
  await engine.claims.replace(key, { ...value, receiver: 'other' }, revision)
  const second = receive({ ack: 'finished' })
  await eventually(() => linked().length === 0)
  t.strictSame([names('queue'), staged()], [[], []])
  await second.stop()
})

t.test('a receiver that stops gives back what nobody has begun', async (t) => {
  const { queue, engine, receive, names, linked, claim } = await place(t)
  const receiver = receive({ ack: 'finished' })
  const begun = '_20261122101112_1_1_far_0_begun'
  const { handle } = engine.deliver({ id })
  engine.deliver({ id: begun })
  await receiver.until('received', 2)
  const item = await queue.claim(begun)
  t.match(await receiver.stop(), { received: 2, returned: 1 })
  t.strictSame([names('queue'), linked()], [[begun], [begun]])
  t.equal(engine.fates.get(handle), 'given back')
  t.ok(claim()?.released, 'anybody may claim it')
  item.close()
})

t.test('an item whose claim was renewed without an answer stays ours to end', async (t) => {
  for (const end of ['given back', 'done'] as const) {
    const { queue, engine, receive, names, claim } = await place(t)
    const receiver = receive({ ack: 'finished' })
    const { handle } = engine.deliver({ id })
    await receiver.until('received')
    const { value, revision } = await taken(engine)
    await engine.claims.replace(key, value, revision)
    if (end === 'done') {
      const confirmed = once(engine.events, 'confirmed')
      await (await queue.claim(id)).done()
      await confirmed
      t.match(claim(), { finished: true }, 'who gets it again is to see that')
      await receiver.stop()
      continue
    }
    t.match(await receiver.stop(), { returned: 1 })
    t.equal(engine.fates.get(handle), 'given back')
    t.ok(claim()?.released, 'anybody may claim it')
    t.strictSame([names('queue'), names('.incoming/withdrawn')], [[], []])
    const again = receive({ ack: 'finished' })
    engine.deliver({ id, deliveries: 2, handle: '$JS.ACK.1.2' })
    await again.until('received')
    t.strictSame(names('queue'), [id], 'it is received again')
    await again.stop()
  }
})

t.test('what another has taken over is not given back', async (t) => {
  const { engine, receive, names, claim } = await place(t)
  const receiver = receive({ ack: 'finished' })
  const { handle } = engine.deliver({ id })
  await receiver.until('received')
  const { value, revision } = await taken(engine)
  await engine.claims.replace(key, { ...value, receiver: 'other' }, revision)
  t.match(await receiver.stop(), { returned: 0 })
  t.equal(engine.fates.get(handle), undefined)
  t.match(claim(), { receiver: 'other', released: undefined })
  t.strictSame([names('queue'), names('.incoming/withdrawn')], [[], []])
})

t.test('what could not be given back is linked again at the next start', async (t) => {
  const { engine, receive, names, claim, identity } = await place(t)
  const receiver = receive({ ack: 'finished' })
  engine.deliver({ id })
  await receiver.until('received')
  engine.claims.before = (what) => {
    if (what === 'replace') throw new NatsError('away', 'scripted')
  }
  await receiver.stop()
  t.strictSame(names('queue'), [], 'without a receiver others may take it over')
  engine.claims.before = () => undefined
  const again = receive({ ack: 'finished' })
  await again.until('received')
  t.strictSame(names('queue'), [id])
  t.match(claim(), { receiver: identity, released: undefined })
})

t.test('what was withdrawn is not linked again where it is being taken over', async (t) => {
  const { engine, receive, names } = await place(t)
  const receiver = receive({ ack: 'finished' })
  engine.deliver({ id })
  await receiver.until('received')
  engine.claims.before = (what) => {
    if (what === 'replace') throw new NatsError('away', 'scripted')
  }
  await receiver.stop()
  let others = 0
  engine.claims.before = (what) => {
    const entry = engine.claims.entries.get(key)
    if (what !== 'replace' || others++ > 0 || entry === undefined) return
    const value = { ...entry.value, receiver: 'other' }
    engine.claims.entries.set(key, { value, revision: entry.revision + 100 })
  }
  const again = receive({ ack: 'finished' })
  await eventually(() => names('.incoming/withdrawn').length === 0)
  t.strictSame(names('queue'), [])
  await again.stop()
})

t.test('what has waited until its claim is forgotten is claimed again', async (t) => {
  const { queue, engine, receive, names, claim, identity } = await place(t)
  const receiver = receive({ ack: 'finished' })
  engine.deliver({ id })
  await receiver.until('received')
  const item = await queue.claim(id)
  await receiver.stop()
  engine.claims.entries.clear()
  item.close()
  const again = receive({ ack: 'finished' })
  const { handle } = engine.deliver({ id, deliveries: 2, handle: '$JS.ACK.1.2' })
  await eventually(() => (engine.kept.get(handle) ?? 0) > 1)
  t.strictSame(names('queue'), [id])
  t.match(claim(), { receiver: identity, handle })
  await again.stop()
})

t.test('a receiver that cannot renew its lease takes out what nobody has begun', async (t) => {
  const { queue, engine, receive, names } = await place(t)
  const receiver = receive({ ack: 'finished', lostAfter: 2 })
  const begun = '_20261122101112_1_1_far_0_begun'
  engine.deliver({ id })
  engine.deliver({ id: begun })
  await receiver.until('received', 2)
  const item = await queue.claim(begun)
  engine.setAway(true)
  await receiver.until('fenced')
  await eventually(() => names('queue').length === 1)
  t.strictSame(names('queue'), [begun])
  engine.setAway(false)
  await receiver.until('unfenced')
  await eventually(() => names('queue').length === 2)
  item.close()
  await receiver.stop()
})

t.test('a named host needs no claims', async (t) => {
  const { queue, engine, receive, claim, names } = await place(t, 'west')
  const receiver = receive()
  engine.deliver({ id })
  await once(engine.events, 'confirmed')
  t.strictSame(names('queue'), [id])
  t.equal(claim(), undefined)
  await (await queue.claim(id)).failTmp()
  engine.deliver({ id, deliveries: 2 })
  await once(engine.events, 'confirmed')
  t.equal(names('queue').length, 1, 'nor is it received again under the name of its first try')
  t.match(await receiver.stop(), { received: 1, repeated: 1 })
})

t.test(
  'a named host knows what was tried again, also when it is published late once more',
  async (t) => {
    for (const end of ['done', 'failPerm', 'waiting'] as const) {
      const { queue, engine, receive, names } = await place(t, 'west')
      const receiver = receive()
      engine.deliver({ id })
      await once(engine.events, 'confirmed')
      const again = await (await queue.claim(id)).failTmp()
      if (end !== 'waiting') await (await queue.claim(again.id))[end]()
      const before = names('queue')
      engine.deliver({ id, time: Date.now() + 7_200_000 })
      await once(engine.events, 'confirmed')
      t.strictSame(names('queue'), before, end)
      t.match(await receiver.stop(), { received: 1, repeated: 1 })
    }
  },
)

t.test('a named host with `finished` confirms what is done, also after a restart', async (t) => {
  const { queue, engine, receive } = await place(t, 'west')
  const first = receive({ ack: 'finished' })
  engine.deliver({ id })
  await first.until('received')
  await first.stop()
  const second = receive({ ack: 'finished' })
  const { handle } = engine.deliver({ id, deliveries: 2 })
  await eventually(() => (engine.kept.get(handle) ?? 0) > 0)
  const confirmed = once(engine.events, 'confirmed')
  await (await queue.claim(id)).done()
  t.strictSame(await confirmed, [handle])
  await second.stop()
})

t.test('what a named host has stays with it, whoever of a pool had it before', async (t) => {
  for (const ack of ['spooled', 'finished'] as const) {
    const { engine, receive, claimed, link, names } = await place(t, 'west')
    await link(ack === 'finished')
    await claimed({})
    const receiver = receive({ ack })
    const another = '_20261122101112_1_1_far_0_b'
    engine.deliver({ id: another }) // It is received when what was left has been looked at.
    await receiver.until('received')
    t.strictSame(names('queue').sort(), [id, another], ack)
    await receiver.stop()
  }
})

t.test('a body that is missing is waited for, as often as it is delivered', async (t) => {
  const { engine, receive } = await place(t)
  const receiver = receive()
  const headers = new Map([
    ['fsq-id', id],
    ['fsq-body', 'abc'],
    ['fsq-size', '3'],
    ['fsq-digest', `sha-256=${'0'.repeat(64)}`],
  ])
  for (const deliveries of [1, 2]) {
    engine.deliver({ id, headers, deliveries })
    await once(engine.events, 'given back')
  }
  engine.deliver({ id, headers, deliveries: 3 })
  await receiver.until('dead')
  t.equal(engine.published[0]?.headers['Fsq-Dead-Code'], 'FSQ_NATS_MESSAGE')
  t.equal(engine.published[0]?.headers['Fsq-Body'], 'abc')
  t.match(await receiver.stop(), { dead: 1, received: 0 })
})
