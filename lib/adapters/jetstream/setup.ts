import { FsqError } from '../../errors.js'
import { checkMembers } from '../../members.js'
import { checkName } from '../../queue/context.js'
import { notNegative, wholeNumber } from '../../work/work-options.js'
import type { Connected, JetStream } from './connection.js'
import {
  bodiesBucket,
  claimsBucket,
  deadStream,
  exhaustedAdvisory,
  headerRoom,
  largestInline,
  leaseBucket,
  leaseTtl,
  valuesBucket,
  volatileBucket,
  workStream,
} from './layout.js'
import { isUnanswered, natsError, NatsError } from './nats-error.js'
import { checkCluster, replicasFor } from './replicas.js'
import { checkHost, consumerOf, subjectOf, subjectsOf } from './subject.js'

/** What setup makes. What is not given is left as it is where it is there already. */
export interface SetupOptions {
  /** The hosts that items are addressed to; the pool is always there. @defaultValue none */
  readonly hosts?: readonly string[] | undefined
  /**
   * On how many servers each message is kept: 1, 3 or 5.
   *
   * @defaultValue 3 in a cluster, otherwise 1; in another domain than that of our server as there already
   */
  readonly replicas?: number | undefined
  /** How large the stream of the items may grow, in bytes; then forwarding waits. @defaultValue 1 GiB */
  readonly maxBytes?: number | undefined
  /** After how long without a word an item is delivered again, in seconds. @defaultValue 30 */
  readonly ackWait?: number | undefined
  /** How often an item is delivered before it goes to the dead letters. @defaultValue 20 */
  readonly maxDeliver?: number | undefined
  /** For how long a repeated publication is known as one, in seconds. @defaultValue one hour */
  readonly duplicateWindow?: number | undefined
  /** For how long it is known who of a pool has an item, in seconds; an hour at least. @defaultValue 7 days */
  readonly claimsTtl?: number | undefined
  /** The stream of the queues, where they are to have one of their own. @defaultValue FSQ_WORK */
  readonly stream?: string | undefined
  /** Only say what would be done. @defaultValue false */
  readonly dryRun?: boolean | undefined
}

const known = new Set<string>([
  'hosts',
  'replicas',
  'maxBytes',
  'ackWait',
  'maxDeliver',
  'duplicateWindow',
  'claimsTtl',
  'stream',
  'dryRun',
] satisfies (keyof SetupOptions)[])

/** What was done about one thing, or would be. */
export interface SetupStep {
  /** What it is. */
  readonly kind: 'stream' | 'consumer' | 'bucket'
  /** Its name on the servers. */
  readonly name: string
  /** Whether it was made, changed, or is as it has to be. */
  readonly action: 'created' | 'changed' | 'kept'
  /** What was changed about it, as `num_replicas: 1 -> 3`. */
  readonly changes: readonly string[]
}

const nanoseconds = 1e9

/** Servers take whole ones only. */
function inNanoseconds(seconds: number): number {
  return Math.round(seconds * nanoseconds)
}

/** In seconds. Receivers renew the claims of what they have not finished more often. */
const shortestClaims = 3600

/** How many deliveries may be under way for one consumer: all that its receivers hold. */
const mostUnderWay = 20_000

/** How many receivers may wait for items of one consumer. */
const mostWaiting = 4096

/**
 * Makes on the servers what queues need, or looks that it is there as they need it. It may be called again at
 * any time. What is there and promises less is changed to promise more; nothing is changed to promise less.
 *
 * @throws `FsqError` `FSQ_NATS_SETUP` where something is there that cannot be changed to what is needed, or
 * would be weakened; nothing further is done then. `FSQ_NATS`, `FSQ_DENIED`, `FSQ_NATS_CLIENT`, `FSQ_PATH`.
 */
export async function setupQueues(
  jetStream: JetStream,
  queues: readonly string[],
  options: SetupOptions = {},
): Promise<SetupStep[]> {
  checkMembers('an option of setup', options, known)
  checkOptions(options)
  for (const queue of queues) checkName('queue', queue)
  for (const host of options.hosts ?? []) checkHost(host)
  return setUp(jetStream, 'set up the queues', async (connected) => {
    checkCluster(connected, jetStream, options.replicas)
    const setup = new Setup(connected)
    const plans: Plan[] = []
    const replicas = await replicasFor(connected, jetStream, options.replicas)
    for (const thing of thingsFor(queues, replicas, options)) plans.push(await setup.plan(thing))
    if (options.dryRun !== true) for (const plan of plans) await setup.carryOut(plan)
    return plans.map(stepOf)
  })
}

/**
 * Makes the buckets of {@link jetStreamKeyValues}, or looks that they are as they have to be.
 *
 * @throws as {@link setupQueues}
 */
export async function setupKeyValues(jetStream: JetStream): Promise<void> {
  await setUp(jetStream, 'set up the buckets of values', async (connected) => {
    const setup = new Setup(connected)
    const plans: Plan[] = []
    const replicas = await replicasFor(connected, jetStream)
    for (const thing of bucketsOfValues(replicas)) plans.push(await setup.plan(thing))
    for (const plan of plans) await setup.carryOut(plan)
  })
}

/**
 * Sets something up, and once more where there is no answer: a cluster that makes the same for somebody else at
 * that time may never give one.
 */
async function setUp<T>(
  jetStream: JetStream,
  what: string,
  make: (connected: Connected) => Promise<T>,
): Promise<T> {
  try {
    return await jetStream.use(what, make)
  } catch (error) {
    if (!isUnanswered(error)) throw error
    return jetStream.use(what, make)
  }
}

function checkOptions(options: SetupOptions): void {
  const { replicas = 1, maxDeliver = 1, maxBytes = 1, ackWait = 1, stream = workStream } = options
  if (![1, 3, 5].includes(replicas))
    throw new TypeError(`Expected \`replicas\` to be 1, 3 or 5, got ${replicas}`)
  wholeNumber('maxDeliver', maxDeliver, 1)
  wholeNumber('maxBytes', maxBytes, 1)
  if (!(ackWait >= 1))
    throw new TypeError(`Expected \`ackWait\` to be a second or more, got ${ackWait}`)
  notNegative('duplicateWindow', options.duplicateWindow ?? 0)
  const { claimsTtl = shortestClaims } = options
  if (!(claimsTtl >= shortestClaims))
    throw new TypeError(`Expected \`claimsTtl\` to be an hour or more, got ${claimsTtl} s`)
  if (!/^[A-Za-z0-9_-]{1,200}$/.test(stream))
    throw new TypeError(
      `Expected \`stream\` to be the name of a stream, got ${JSON.stringify(stream)}`,
    )
}

/** A demand on a value of a configuration. */
type Demand =
  /** It has to be that from the beginning on. */
  | { readonly fixed: unknown }
  /** It has to be that. */
  | { readonly exactly: unknown }
  /** It has to be that, or more; -1 is more than any number where `unlimited`. */
  | { readonly atLeast: number; readonly unlimited?: boolean; readonly given: boolean }
  /** That is what is made; and what is asked for, if it is given. */
  | { readonly value: unknown; readonly given: boolean }
  /** All of these have to be in it. */
  | { readonly contains: readonly string[] }

/** Something on the servers, and what is demanded of it. */
type Thing = { readonly demands: Readonly<Record<string, Demand>> } & (
  | { readonly kind: 'stream' | 'bucket'; readonly name: string }
  | { readonly kind: 'consumer'; readonly name: string; readonly stream: string }
)

function thingsFor(queues: readonly string[], replicas: Demand, options: SetupOptions): Thing[] {
  const { stream = workStream, hosts = [] } = options
  const { duplicateWindow = 3600, claimsTtl = 7 * 24 * 3600 } = options
  const lasting = {
    storage: { fixed: 'file' },
    num_replicas: replicas,
    max_msgs: { exactly: -1 },
    discard: { exactly: 'new' },
  } as const
  const work: Thing = {
    kind: 'stream',
    name: stream,
    demands: {
      ...lasting,
      retention: { fixed: 'workqueue' },
      subjects: { contains: queues.map((queue) => subjectsOf('work', queue)) },
      max_age: { exactly: 0 },
      max_msgs_per_subject: { exactly: -1 },
      max_bytes: {
        atLeast: options.maxBytes ?? 1024 ** 3,
        unlimited: true,
        given: options.maxBytes !== undefined,
      },
      max_msg_size: { atLeast: largestInline + headerRoom, unlimited: true, given: false },
      duplicate_window: {
        atLeast: inNanoseconds(duplicateWindow),
        given: options.duplicateWindow !== undefined,
      },
    },
  }
  const dead: Thing = {
    kind: 'stream',
    name: deadStream,
    demands: {
      ...lasting,
      retention: { fixed: 'limits' },
      subjects: { contains: ['fsq.dead.>', `${exhaustedAdvisory}.${stream}.*`] },
      max_age: { exactly: 0 },
    },
  }
  const consumers = queues.flatMap((queue) =>
    [undefined, ...hosts].map((host): Thing => consumerFor(stream, queue, host, options)),
  )
  const bucket = (name: string, demands: Thing['demands']): Thing =>
    bucketFor(name, 'file', replicas, demands)
  return [
    work,
    dead,
    bucket(claimsBucket, {
      max_age: {
        atLeast: inNanoseconds(claimsTtl),
        unlimited: true,
        given: options.claimsTtl !== undefined,
      },
      allow_direct: { exactly: false },
    }),
    leases(replicas),
    bucket(bodiesBucket, { max_age: { exactly: 0 } }),
    ...consumers,
  ]
}

function bucketFor(
  name: string,
  storage: 'file' | 'memory',
  replicas: Demand,
  demands: Thing['demands'],
): Thing {
  return {
    kind: 'bucket',
    name,
    demands: { storage: { fixed: storage }, num_replicas: replicas, ...demands },
  }
}

function leases(replicas: Demand): Thing {
  return bucketFor(leaseBucket, 'file', replicas, {
    max_age: { exactly: inNanoseconds(leaseTtl) },
    allow_direct: { exactly: false },
  })
}

function bucketsOfValues(replicas: Demand): Thing[] {
  const lasting = { max_age: { exactly: 0 }, allow_direct: { exactly: false } } as const
  return [
    bucketFor(valuesBucket, 'file', replicas, lasting),
    bucketFor(volatileBucket, 'memory', replicas, lasting),
    leases(replicas),
  ]
}

function consumerFor(
  stream: string,
  queue: string,
  host: string | undefined,
  { ackWait, maxDeliver }: SetupOptions,
): Thing {
  return {
    kind: 'consumer',
    name: consumerOf(queue, host),
    stream,
    demands: {
      ack_policy: { fixed: 'explicit' },
      deliver_policy: { fixed: 'all' },
      filter_subject: { fixed: subjectOf('work', queue, host) },
      ack_wait: { value: inNanoseconds(ackWait ?? 30), given: ackWait !== undefined },
      max_deliver: { value: maxDeliver ?? 20, given: maxDeliver !== undefined },
      max_ack_pending: { atLeast: mostUnderWay, unlimited: true, given: false },
      max_waiting: { value: mostWaiting, given: false },
    },
  }
}

/** A thing, what there is of it, and what has to be made or changed. */
interface Plan {
  readonly thing: Thing
  readonly there: Record<string, unknown> | undefined
  readonly wanted: Readonly<Record<string, unknown>>
}

class Setup {
  readonly #connected: Connected

  constructor(connected: Connected) {
    this.#connected = connected
  }

  /** @throws {@link NatsError} for what is there and cannot be used */
  async plan(thing: Thing): Promise<Plan> {
    const there = await this.#configOf(thing)
    return {
      thing,
      there,
      wanted: there === undefined ? firstConfig(thing) : changesOf(thing, there),
    }
  }

  async carryOut({ thing, there, wanted }: Plan): Promise<void> {
    const { kind, name } = thing
    try {
      if (there === undefined) await this.#create(thing, wanted)
      else if (Object.keys(wanted).length > 0) await this.#change(thing, { ...there, ...wanted })
    } catch (error) {
      throw natsError(`cannot ${there === undefined ? 'make' : 'change'} ${kind} ${name}`, error)
    }
  }

  async #configOf(thing: Thing): Promise<Record<string, unknown> | undefined> {
    const { manager } = this.#connected
    try {
      const { config } =
        thing.kind === 'consumer'
          ? await manager.consumers.info(thing.stream, thing.name)
          : await manager.streams.info(streamName(thing))
      return config
    } catch (error) {
      if (error instanceof Error && /^(?:Stream|Consumer)NotFoundError$/.test(error.name))
        return undefined
      throw error
    }
  }

  async #create(thing: Thing, wanted: Plan['wanted']): Promise<unknown> {
    const { manager, client, clients } = this.#connected
    const { name } = thing
    switch (thing.kind) {
      case 'stream':
        return manager.streams.add({ ...wanted, name })
      case 'consumer':
        return manager.consumers.add(thing.stream, {
          ...wanted,
          durable_name: name,
        })
      case 'bucket': {
        const { num_replicas, max_age, storage } = wanted
        const replicas = Number(num_replicas)
        const ttl = Number(max_age) / 1e6
        if (name === bodiesBucket) return new clients.obj.Objm(client).create(name, { replicas })
        const kept = storage as 'file' | 'memory'
        return new clients.kv.Kvm(client).create(name, {
          storage: kept,
          replicas,
          ttl,
          allow_direct: false,
        })
      }
    }
  }

  async #change(thing: Thing, config: object): Promise<unknown> {
    const { manager } = this.#connected
    return thing.kind === 'consumer'
      ? manager.consumers.update(thing.stream, thing.name, config)
      : manager.streams.update(streamName(thing), config)
  }
}

function stepOf({ thing: { kind, name }, there, wanted }: Plan): SetupStep {
  if (there === undefined) return { kind, name, action: 'created', changes: [] }
  const changes = Object.entries(wanted).map(
    ([key, value]) => `${key}: ${shown(key, there[key])} -> ${shown(key, value)}`,
  )
  return { kind, name, action: changes.length > 0 ? 'changed' : 'kept', changes }
}

/** Buckets are streams, too. */
function streamName({ kind, name }: Thing): string {
  if (kind !== 'bucket') return name
  return name === bodiesBucket ? `OBJ_${name}` : `KV_${name}`
}

function firstConfig({ demands }: Thing): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(demands).map(([key, demand]) => [key, Object.values(demand)[0]]),
  )
}

/** What has to be changed. */
function changesOf(thing: Thing, there: Record<string, unknown>): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  for (const [key, demand] of Object.entries(thing.demands)) {
    const found = there[key] ?? defaults[key]
    const wanted = wantedOf(thing, key, demand, found)
    if (JSON.stringify(wanted) !== JSON.stringify(found)) changes[key] = wanted
  }
  return changes
}

/** What servers leave out. */
const defaults: Readonly<Record<string, unknown>> = {
  allow_direct: false,
  max_age: 0,
  max_waiting: 512,
}

function wantedOf(thing: Thing, key: string, demand: Demand, found: unknown): unknown {
  if ('fixed' in demand) {
    if (found === demand.fixed) return found
    throw unfit(
      thing,
      `its ${key} is ${shown(key, found)}, has to be ${shown(key, demand.fixed)}, and cannot be changed`,
    )
  }
  if ('exactly' in demand) return demand.exactly
  if ('value' in demand) return demand.given ? demand.value : found
  if ('contains' in demand) {
    const all: unknown[] = Array.isArray(found) ? found : []
    return [...all, ...demand.contains.filter((each) => !all.includes(each))]
  }
  const { atLeast, unlimited = false, given } = demand
  const amount = typeof found === 'number' ? found : 0
  const isMore = amount >= atLeast || (unlimited && amount <= 0)
  if (!isMore) return atLeast
  if (!given || amount === atLeast) return found
  throw unfit(
    thing,
    `its ${key} is ${shown(key, found)}, which is more than ${shown(key, atLeast)}; it is not weakened: change ` +
      'it with the tools of NATS if that is what you want',
  )
}

function unfit({ kind, name }: Thing, why: string): FsqError {
  return new NatsError('setup', `cannot use ${kind} ${name}: ${why}`)
}

/** What is told in nanoseconds. */
const durations: readonly string[] = ['ack_wait', 'max_age', 'duplicate_window']

function shown(key: string, value: unknown): string {
  if (durations.includes(key)) return `${Number(value ?? 0) / nanoseconds}s`
  return typeof value === 'string' ? value : JSON.stringify(value)
}
