import { existsSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import {
  type Cluster,
  openCluster,
  serveCluster,
  type ServeOptions,
  type ServeResult,
  type ServiceEvent,
} from '../../lib/adapters/nxqueue/index.js'
import type { KeyValues } from '../../lib/key-values.js'
import { sortNames } from '../../lib/name/order.js'
import { eventually } from './cli.js'
import { MemoryPlace } from './memory-key-values.js'
import { entriesOf, temporaryQueue } from './temporary.js'

/** An inventory of a changer with two drives and four tapes, and a volume on disk, for some servers. */
export function smallInventory(servers: readonly string[] = ['a']): object {
  const tape = (n: number): object => {
    return {
      name: `V${n}`,
      state: 1,
      changer: 'c',
      slot: n,
      group: 'g',
      generation: 6,
      capacity: 1000,
    }
  }
  return {
    servers: servers.map((name) => ({ name, slots: 2 })),
    drives: [1, 2].map((n) => ({ name: `d${n}`, changer: 'c', generation: 6, servers })),
    groups: [{ name: 'g' }],
    volumes: [1, 2, 3, 4].map(tape).concat({ name: 'D', state: 1, capacity: 10_000, jobs: 2 }),
  }
}

/** A server that serves until the test ends, or it is stopped. */
export interface Serving {
  readonly events: readonly ServiceEvent[]
  /** How often there was such an event. */
  readonly count: (type: ServiceEvent['type']) => number
  readonly stop: () => Promise<ServeResult>
}

/** A cluster in a queue of its own, and what may be done with it. */
export interface TestCluster {
  readonly cluster: Cluster
  readonly inventoryPath: string
  readonly edit: (inventory: object | string) => void
  readonly serve: (options: Omit<ServeOptions, 'inventory' | 'signal'>) => Serving
  /** Where items are: `ready`, `a/queue`, `a/done`, by their jobIDs, in the order in which they were submitted. */
  readonly where: () => Record<string, string[]>
  /** The keys of the claims. */
  readonly claims: () => Promise<string[]>
  /** Waits until no job is ready or launched, and nothing claimed. */
  readonly settled: () => Promise<void>
}

/** @param keyValues - what the servers know together is there, and not in files */
export async function testCluster(
  t: Test,
  servers?: readonly string[],
  keyValues?: KeyValues,
): Promise<TestCluster> {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const cluster = openCluster(queue, { keyValues })
  const inventoryPath = `${queue.path}/inventory.json`
  const edit = (inventory: object | string): void => {
    const text = typeof inventory === 'string' ? inventory : JSON.stringify(inventory)
    writeFileSync(inventoryPath, text)
  }
  edit(smallInventory(servers))
  const where = (): Record<string, string[]> => {
    const jobsIn = (directory: string): string[] =>
      sortNames(entriesOf(directory)).map((name) => name.split('_')[6] ?? name)
    const { hosts: above } = queue.context.paths
    const hosts = (): string[] => (existsSync(above) ? entriesOf(above) : [])
    const places: Record<string, string[]> = { ready: jobsIn(queue.context.paths.queue) }
    const fail = jobsIn(queue.context.paths.fail)
    if (fail.length > 0) places['fail'] = fail
    for (const host of hosts())
      for (const state of ['queue', 'done', 'fail']) {
        const jobs = jobsIn(`${queue.context.paths.hosts}/${host}/${state}`)
        if (jobs.length > 0) places[`${host}/${state}`] = jobs
      }
    return places
  }
  const claims = async (): Promise<string[]> =>
    [...(await cluster.store.claims.list()).keys()].sort()
  return {
    cluster,
    inventoryPath,
    edit,
    where,
    claims,
    serve: (options) => {
      const events: ServiceEvent[] = []
      const ending = new AbortController()
      const served = serveCluster(cluster, {
        ...{ inventory: inventoryPath, signal: ending.signal, drain: 0 },
        ...options,
        onEvent: (event) => {
          events.push(event)
          options.onEvent?.(event)
        },
      })
      const stop = async (): Promise<ServeResult> => {
        ending.abort()
        return served
      }
      t.teardown(stop)
      return { events, count: (type) => events.filter((e) => e.type === type).length, stop }
    },
    settled: async () => {
      const isBusy = (): boolean =>
        Object.entries(where()).some(([name, jobs]) => /ready|queue/.test(name) && jobs.length > 0)
      await eventually(() => !isBusy())
      for (let left = await claims(); left.length > 0; left = await claims())
        await new Promise((resolve) => setTimeout(resolve, 10))
    },
  }
}

/** The clusters of two machines that share no files, but what their servers know together. */
export async function twoMachines(t: Test): Promise<readonly [Cluster, Cluster]> {
  const place = new MemoryPlace()
  const machine = async (): Promise<Cluster> =>
    openCluster(await temporaryQueue(t, { durability: 'none' }), { keyValues: place.open() })
  return [await machine(), await machine()]
}
