import t, { type Test } from 'tap'
import type { Inventory } from '../../../lib/adapters/nxqueue/inventory.js'
import { Mastership } from '../../../lib/adapters/nxqueue/mastership.js'
import type { Presence } from '../../../lib/adapters/nxqueue/presence.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { VirtualTime } from '../../helpers/virtual-time.js'

const presence: Presence = { kinds: [], process: { pid: 1, boot: 'b', startTicks: 1 } }
const inventory: Inventory = {
  servers: ['S1', 'S2', 'S3'].map((name) => ({ name, slots: 1 })),
  drives: [],
  volumes: [],
  groups: [],
}

/** Three servers that see the same; who is there, and in service, is for the test to say. */
class Servers {
  readonly place = new MemoryPlace()
  readonly time: VirtualTime
  readonly present = new Map<string, Presence>()
  readonly disabled = new Set<string>()
  /** Each that became master, with its reign, and that was not any more. */
  readonly reigns: (readonly [server: string, epoch: number | undefined])[] = []
  readonly errors: unknown[] = []
  readonly #all = new Map<string, Mastership>()
  lastEpoch = 0

  constructor(t: Test, ...names: readonly string[]) {
    this.time = new VirtualTime(t)
    for (const server of names) {
      this.present.set(server, presence)
      this.#all.set(
        server,
        new Mastership({
          keyValues: this.place.open(),
          server,
          inventory: () => inventory,
          present: () => this.present,
          isDisabled: (name) => this.disabled.has(name),
          lastEpoch: () => Promise.resolve(this.lastEpoch),
          patience: 7,
          onRole: (epoch) => {
            this.reigns.push([server, epoch])
          },
          onError: (error) => {
            this.errors.push(error)
          },
        }),
      )
    }
  }

  /** Something changed; who is master then. */
  async changed(): Promise<string[]> {
    for (const mastership of this.#all.values()) mastership.check()
    await this.time.pass(1.5)
    return this.masters
  }

  get masters(): string[] {
    return [...this.#all].flatMap(([name, { epoch }]) => (epoch === undefined ? [] : [name]))
  }

  async end(server: string): Promise<void> {
    this.present.delete(server)
    await this.#all.get(server)?.[Symbol.asyncDispose]()
    this.#all.delete(server)
  }

  /** Whether each that became master did so under a higher number. */
  get grow(): boolean {
    const epochs = this.reigns.flatMap(([, epoch]) => (epoch === undefined ? [] : [epoch]))
    return epochs.every((epoch, index) => index === 0 || epoch > (epochs[index - 1] ?? 0))
  }
}

void t.test('the first that is there and in service is master', async (t) => {
  const servers = new Servers(t, 'S3', 'S2', 'S1')
  servers.present.delete('S1')
  t.strictSame(await servers.changed(), ['S2'])
  servers.present.set('S1', presence)
  t.strictSame(await servers.changed(), ['S1'], 'one before it comes')
  servers.disabled.add('S1')
  t.strictSame(await servers.changed(), ['S2'], 'is taken out of service')
  servers.disabled.add('S2')
  t.strictSame(await servers.changed(), ['S3'])
  servers.disabled.add('S3')
  t.strictSame(await servers.changed(), [], 'nobody is left')
  servers.disabled.clear()
  t.strictSame(await servers.changed(), ['S1'], 'all come back')
  await servers.end('S1')
  t.strictSame(await servers.changed(), ['S2'], 'one ends')
  t.ok(servers.grow, 'each under a higher number')
  t.strictSame(servers.errors, [])
  for (const server of ['S2', 'S3']) await servers.end(server)
  t.equal(servers.reigns.at(-1)?.[1], undefined)
})

void t.test('at no time are there two, while the servers see the same', async (t) => {
  const servers = new Servers(t, 'S1', 'S2')
  await servers.changed()
  for (const [change, ...rest] of [['S1'], ['S2'], ['S1', 'S2']]) {
    for (const name of [change ?? '', ...rest])
      if (!servers.disabled.delete(name)) servers.disabled.add(name)
    await servers.changed()
  }
  const [, ...changes] = servers.reigns.filter(([server], at) => server !== 'S2' || at > 1)
  let masters = 1
  for (const [, epoch] of changes) {
    masters += epoch === undefined ? -1 : 1
    t.ok(masters <= 1)
  }
  for (const server of ['S1', 'S2']) await servers.end(server)
})

void t.test('a hold that a stopped server keeps is waited for, and done without', async (t) => {
  const servers = new Servers(t, 'S2')
  const stopped = await servers.place.open().hold('master', 'S1')
  servers.lastEpoch = stopped?.epoch ?? 0
  t.strictSame(await servers.changed(), [])
  await servers.time.pass(4)
  t.strictSame(servers.masters, [], 'it may let go of it yet')
  await servers.time.pass(2)
  t.strictSame(servers.masters, ['S2'])
  t.ok((servers.reigns[0]?.[1] ?? 0) > servers.lastEpoch)
  stopped?.[Symbol.dispose]() // It goes on, and ends.
  await servers.time.pass(2)
  t.strictSame(servers.masters, ['S2'])
  t.equal(servers.reigns.length, 2)
  t.ok(servers.grow)
  t.ok(Number.isInteger(servers.reigns[1]?.[1]), 'it reigns by the hold now')
  await servers.end('S2')
})

void t.test('a hold that is lost is taken again', async (t) => {
  const servers = new Servers(t, 'S1')
  await servers.changed()
  servers.place.takeAway('master')
  await servers.time.pass(1.5)
  t.strictSame(servers.masters, ['S1'])
  t.equal(servers.reigns.length, 2)
  t.ok(servers.grow)
  await servers.end('S1')
})

void t.test('while the place is away there is no new master, and then there is', async (t) => {
  const servers = new Servers(t, 'S1')
  servers.place.isAway = true
  t.strictSame(await servers.changed(), [])
  t.ok(servers.errors.length > 0)
  servers.place.isAway = false
  await servers.time.pass(1.5)
  t.strictSame(servers.masters, ['S1'])
  await servers.end('S1')
})
