import t, { type Test } from 'tap'
import {
  Announcement,
  type Presence,
  presencesOf,
  PresenceWatch,
} from '../../../lib/adapters/nxqueue/presence.js'
import { processIdentity } from '../../../lib/posix/process-identity.js'
import type { WatchedEntries } from '../../../lib/key-values.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { testKeyValues } from '../../helpers/key-values-suite.js'
import { VirtualTime } from '../../helpers/virtual-time.js'

const identity = processIdentity()
const process = identity ?? { pid: 1, boot: 'b', startTicks: 1 }
const presence: Presence = { kinds: ['archive'], process }

/** Somebody who watches, what was told, and what went wrong. */
interface Watching {
  readonly place: MemoryPlace
  readonly time: VirtualTime
  readonly presences: WatchedEntries<Presence>
  readonly told: string[]
  readonly watch: PresenceWatch
  /** What was told since it was asked last. */
  readonly news: () => string[]
}

function watching(t: Test): Watching {
  const place = new MemoryPlace()
  const time = new VirtualTime(t)
  const presences = presencesOf(place.open())
  const told: string[] = []
  const watch = new PresenceWatch(presences, 3.5, {
    onChange: (server, there) => {
      told.push(there === undefined ? `-${server}` : `+${server}`)
    },
    onError: () => {
      told.push('error')
    },
  })
  t.teardown(() => {
    watch[Symbol.dispose]()
  })
  return { place, time, presences, told, watch, news: () => told.splice(0) }
}

function announce({ place }: Watching, server: string, errors: unknown[] = []): Announcement {
  return new Announcement(presencesOf(place.open()), server, presence, (error) => {
    errors.push(error)
  })
}

void t.test('the place in memory is one as the others are', async (t) => {
  await testKeyValues(t, () => {
    const place = new MemoryPlace()
    return Promise.resolve(() => Promise.resolve(place.open()))
  })
})

void t.test('a server comes, stays, and goes', async (t) => {
  const watched = watching(t)
  const { time, news, watch } = watched
  await time.pass(2)
  t.strictSame(news(), [])
  const server = announce(watched, 'S1')
  await server.renew()
  await time.pass(0)
  t.strictSame(news(), ['+S1'], 'at once')
  await time.pass(60)
  t.strictSame(news(), [], 'a renewal is nothing new')
  t.strictSame(watch.present.get('S1'), presence)
  await server[Symbol.asyncDispose]()
  await time.pass(0)
  t.strictSame(news(), ['-S1'], 'at once')
  t.equal(watch.present.size, 0)
})

void t.test('a change of what it says is told', async (t) => {
  const watched = watching(t)
  const { time, news, watch } = watched
  const server = announce(watched, 'S1')
  await server.renew()
  await time.pass(0)
  news()
  await server.renew({ disabled: true })
  await time.pass(0)
  t.strictSame(news(), ['+S1'])
  t.equal(watch.present.get('S1')?.disabled, true)
  // While another renewal is under way, too.
  await Promise.all([server.renew(), server.renew({ disabled: false })])
  await time.pass(0)
  t.equal(watch.present.get('S1')?.disabled, false)
  await server[Symbol.asyncDispose]()
})

void t.test('one that does not renew is gone after a while, whatever was written', async (t) => {
  const { time, presences, news } = watching(t)
  await presences.create('S1', { ...presence, until: 9e15 } as Presence)
  await time.pass(3.4)
  t.strictSame(news(), ['+S1'], 'it was there at the beginning')
  await time.pass(2)
  t.strictSame(news(), ['-S1'])
  await time.pass(60)
  t.strictSame(news(), [], 'and does not come back by being there')
  const entry = await presences.get('S1')
  await presences.replace('S1', presence, entry?.revision ?? 0)
  await time.pass(0)
  t.strictSame(news(), ['+S1'], 'but by saying something')
})

void t.test('while nobody can look, nobody is lost', async (t) => {
  const watched = watching(t)
  const { place, time, news } = watched
  const errors: unknown[] = []
  const server = announce(watched, 'S1', errors)
  await server.renew()
  await time.pass(3)
  news()
  place.isAway = true
  await time.pass(60)
  t.strictSame(news(), ['error'], 'it is told once')
  t.equal(errors.length, 1)
  place.isAway = false
  await time.pass(60)
  t.strictSame(news(), [])
  place.isAway = true
  await time.pass(2)
  t.strictSame(news(), ['error'], 'and once more')
  place.isAway = false
  await server[Symbol.asyncDispose]()
})

void t.test('an outage is not time in which a server says nothing', async (t) => {
  const { place, time, presences, news } = watching(t)
  await presences.create('S1', presence)
  await time.pass(2.5)
  t.strictSame(news(), ['+S1'])
  place.isAway = true
  await time.pass(60)
  place.isAway = false
  await time.pass(1)
  t.strictSame(news(), ['error'], 'it has a while yet')
  await time.pass(2)
  t.strictSame(news(), ['-S1'])
})

void t.test('while who looks is stopped, nobody is lost', async (t) => {
  const { time, presences, news } = watching(t)
  await presences.create('S1', presence)
  await time.pass(1)
  t.strictSame(news(), ['+S1'])
  await time.freeze(3600)
  t.strictSame(news(), [])
  await time.pass(3)
  t.strictSame(news(), ['-S1'], 'but who says nothing then')
})

void t.test('what it finds of an earlier life is its own', async (t) => {
  const watched = watching(t)
  const { time, presences, news } = watched
  await presences.create('S1', { ...presence, kinds: ['restore'] })
  const errors: unknown[] = []
  const server = announce(watched, 'S1', errors)
  await server.renew()
  await time.pass(10)
  t.strictSame((await presences.get('S1'))?.value, presence)
  t.ok(news().includes('+S1'))
  t.strictSame(errors, [])
  await server[Symbol.asyncDispose]()
})
