import { EventEmitter } from 'node:events'
import type { Entries } from '../../lib/key-values.js'
import type {
  Answerable,
  Claim,
  Delivery,
  Engine,
  Outgoing,
} from '../../lib/adapters/jetstream/engine.js'
import { type Envelope, writeEnvelope } from '../../lib/adapters/jetstream/envelope.js'
import { NatsError } from '../../lib/adapters/jetstream/nats-error.js'
import { subjectOf } from '../../lib/adapters/jetstream/subject.js'

/** What became of a delivery. */
export type Fate = 'confirmed' | 'given back'

/** A delivery of which a test says nothing is new: of a message of its own. */
type Delivered = Omit<Delivery, keyof Answerable> & Pick<Delivery, 'handle'>

/** What a message says of its item. */
interface Item {
  readonly id: string
  readonly replaces?: string | undefined
  readonly notBefore?: Date | undefined
  readonly stored?: Envelope['stored']
}

/** An engine in memory, which does what a test wants and notes what it is asked for. */
export interface ScriptedEngine extends Engine {
  readonly claims: MemoryEntries<Claim>
  readonly leases: MemoryEntries<string>
  readonly published: Outgoing[]
  readonly fates: Map<string, Fate>
  /** The messages that are not there any more: confirmed, or removed by a test. */
  readonly gone: Set<string>
  /** The handles that are never answered. */
  readonly deaf: Set<string>
  /** How often something was told to be worked on. */
  readonly kept: Map<string, number>
  readonly storedBodies: Map<string, Buffer>
  /** Is waited for before a body is removed. */
  beforeRemoval: (name: string) => Promise<void>
  /** Delivers an item to whoever pulls. */
  readonly deliver: (item: Partial<Delivered> & Item) => Delivery
  /** It is away, or is back. */
  readonly setAway: (isAway: boolean) => void
  /** Emits `confirmed`, `unanswered` and `given back` with the handle, and `pull` with how many were asked for. */
  readonly events: EventEmitter
}

/** Entries in memory. */
export class MemoryEntries<T> implements Entries<T> {
  readonly entries = new Map<string, { value: T; revision: number }>()
  /** Is called before each change; what it throws is thrown. */
  before: (what: 'get' | 'create' | 'replace', key: string) => void = () => undefined
  /** Is called after each change; what it throws is thrown, although the change was made. */
  after: (what: 'create' | 'replace', key: string) => void = () => undefined
  #revision = 0

  async get(key: string) {
    this.before('get', key)
    return this.entries.get(key)
  }

  async create(key: string, value: T) {
    this.before('create', key)
    if (this.entries.has(key)) return undefined
    return this.#set('create', key, value)
  }

  async replace(key: string, value: T, revision: number) {
    this.before('replace', key)
    if (this.entries.get(key)?.revision !== revision) return undefined
    return this.#set('replace', key, value)
  }

  async remove(key: string) {
    this.entries.delete(key)
  }

  #set(what: 'create' | 'replace', key: string, value: T): number {
    const revision = ++this.#revision
    this.entries.set(key, { value, revision })
    this.after(what, key)
    return revision
  }
}

/** Makes one. */
export function scriptedEngine(queue: string, host?: string): ScriptedEngine {
  const events = new EventEmitter()
  const links = new Set<(lost: Error | undefined) => void>()
  const fates = new Map<string, Fate>()
  const gone = new Set<string>()
  const deaf = new Set<string>()
  const kept = new Map<string, number>()
  const storedBodies = new Map<string, Buffer>()
  const published: Outgoing[] = []
  const waiting: Delivery[] = []
  let away = false
  let sequence = 0
  const check = (): void => {
    if (away) throw new NatsError('away', 'scripted')
  }
  const messageOf = (handle: string): string => handle.split('.')[2] ?? ''
  const answerable = (handle: string) => ({
    handle,
    message: messageOf(handle),
    confirm: async () => {
      check()
      if (deaf.has(handle)) {
        events.emit('unanswered', handle)
        throw new NatsError('away', 'scripted')
      }
      gone.add(messageOf(handle))
      fates.set(handle, 'confirmed')
      events.emit('confirmed', handle)
    },
    working: () => {
      kept.set(handle, (kept.get(handle) ?? 0) + 1)
    },
    giveBack: () => {
      fates.set(handle, 'given back')
      events.emit('given back', handle)
    },
  })
  const claims = new MemoryEntries<Claim>()
  const leases = new MemoryEntries<string>()
  claims.before = check
  leases.before = check
  const engine: ScriptedEngine = {
    claims,
    leases,
    published,
    fates,
    gone,
    deaf,
    kept,
    storedBodies,
    beforeRemoval: async () => undefined,
    events,
    answerable,
    keeps: async (handle) => {
      check()
      return !gone.has(messageOf(handle))
    },
    publish: async (message) => {
      check()
      published.push(message)
      return { repeated: false, isThere: async () => true }
    },
    largestBody: async () => {
      check()
      return 1000
    },
    source: async () => {
      check()
      return { ackWait: 1, maxDeliver: 3, waiting: waiting.length, underWay: 0 }
    },
    pull: async (_source, _seconds, listener) => {
      check()
      let asked = 0
      let ended = false
      const hand = (): void => {
        while (!ended && asked > 0) {
          const next = waiting.shift()
          if (next === undefined) return
          asked--
          listener.onDelivery(next)
        }
      }
      const end = (): void => {
        ended = true
        events.off('delivery', hand)
        links.delete(lose)
      }
      const lose = (): void => {
        end()
        listener.onEnd(undefined)
      }
      events.on('delivery', hand)
      links.add(lose)
      return {
        get asked() {
          return ended ? 0 : asked
        },
        ask: (count) => {
          events.emit('pull', count)
          asked += count
          hand()
        },
        end: async () => {
          end()
        },
      }
    },
    bodies: {
      put: async (name, pieces) => {
        const all: Buffer[] = []
        for await (const piece of pieces) all.push(Buffer.from(piece))
        const isNew = !storedBodies.has(name)
        storedBodies.set(name, Buffer.concat(all))
        return { isNew }
      },
      get: async (name) => {
        const body = storedBodies.get(name)
        return (
          body &&
          (async function* () {
            yield body
          })()
        )
      },
      remove: async (name) => {
        await engine.beforeRemoval(name)
        storedBodies.delete(name)
      },
    },
    onLink: (listener) => {
      links.add(listener)
      return { [Symbol.dispose]: () => void links.delete(listener) }
    },
    deliver: ({ id, replaces, notBefore, stored, ...more }) => {
      sequence++
      const handle = more.handle ?? `$JS.ACK.${sequence}.1`
      const headers = Object.entries(
        writeEnvelope({
          id,
          ...(replaces !== undefined && { replaces }),
          ...(notBefore !== undefined && { notBefore }),
          ...(stored !== undefined && { stored }),
        }),
      ).map(([name, value]) => [name.toLowerCase(), value] as const)
      const delivery: Delivery = {
        ...answerable(handle),
        subject: subjectOf('work', queue, host),
        stream: 'FSQ_WORK',
        sequence,
        deliveries: 1,
        time: Date.now(),
        get behind() {
          return waiting.length
        },
        headers: new Map(headers),
        body: Buffer.from(`body of ${id}`),
        ...more,
      }
      waiting.push(delivery)
      events.emit('delivery')
      return delivery
    },
    setAway: (isAway) => {
      away = isAway
      events.emit('delivery')
      for (const tell of links) tell(isAway ? new NatsError('away', 'scripted') : undefined)
    },
  }
  return engine
}
