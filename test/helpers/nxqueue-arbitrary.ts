// Small clusters of all sorts, in which little is enough for all.
import fc from 'fast-check'
import type { Claim } from '../../lib/adapters/nxqueue/cluster-state.js'
import type { Drive, Inventory, Volume } from '../../lib/adapters/nxqueue/inventory.js'
import { jobKinds, type ReadyJob } from '../../lib/adapters/nxqueue/job.js'
import { claimsOf, now } from './nxqueue-archive.js'
import { placesOf, type World } from './nxqueue-oracle.js'

const names = (letter: string, most: number) =>
  Array.from({ length: most }, (_, at) => `${letter}${at + 1}`)
const [serverNames, driveNames, volumeNames] = [names('s', 3), names('d', 4), names('v', 6)]

const often = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(usual, ...others))
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const generation = fc.constantFrom(7, 8)
const changer = fc.constantFrom('c1', 'c2')
const group = fc.constantFrom('g1', 'g2')

const drive: fc.Arbitrary<Omit<Drive, 'name'>> = fc.record({
  changer,
  type: fc.constantFrom('A', 'B'),
  reads: fc.subarray([7, 8], { minLength: 1 }),
  writes: fc.subarray([7, 8]),
  servers: fc.subarray(serverNames),
  enabled: often(true, false),
})

const volume: fc.Arbitrary<Omit<Volume, 'name'>> = fc
  .record({
    state: often<Volume['state']>(1, 0, 2, 3),
    isTape: often(true, false),
    changer,
    group: maybe(group),
    generation,
    used: fc.constantFrom(0, 30, 60, 95),
    mounted: maybe(fc.constantFrom(...driveNames)),
    servers: maybe(fc.subarray(serverNames)),
    jobs: fc.constantFrom(1, 2),
  })
  .map(({ isTape, ...of }) => ({
    ...of,
    slot: undefined,
    capacity: 100,
    ...(isTape
      ? { servers: undefined, jobs: 1 }
      : { changer: undefined, generation: undefined, mounted: undefined }),
  }))

const anyInventory: fc.Arbitrary<Inventory> = fc.record({
  servers: fc
    .array(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 3 })
    .map((all) => all.map((slots, at) => ({ name: `s${at + 1}`, slots }))),
  drives: fc
    .array(drive, { maxLength: 4 })
    .map((all) => all.map((of, at) => ({ ...of, name: `d${at + 1}` }))),
  volumes: fc
    .array(volume, { minLength: 1, maxLength: 6 })
    .map((all) => all.map((of, at) => ({ ...of, name: `v${at + 1}` }))),
  groups: fc.constant(['g1', 'g2'].map((name) => ({ name, description: undefined }))),
})

/** What one refers to is there. */
const inventory = anyInventory.map((all): Inventory => {
  const servers = (names: readonly string[]) =>
    names.filter((each) => all.servers.some(({ name }) => name === each))
  const hasDrive = (name: string | undefined) => all.drives.some((each) => each.name === name)
  return {
    ...all,
    drives: all.drives.map((of) => ({ ...of, servers: servers(of.servers) })),
    volumes: all.volumes.map((of) => ({
      ...of,
      servers: of.servers && servers(of.servers),
      mounted: hasDrive(of.mounted) ? of.mounted : undefined,
    })),
  }
})

const job: fc.Arbitrary<ReadyJob> = fc
  .record({
    kind: fc.constantFrom(...jobKinds),
    priority: fc.constantFrom(0, 4, 5),
    group: maybe(group),
    volume: maybe(fc.constantFrom(...volumeNames)),
    hasBoth: often(false, true),
    media: often<string | undefined>(undefined, 'A', 'B', 'disk'),
    bytes: fc.constantFrom(0, 1, 30, 60),
    server: often<string | undefined>(undefined, ...serverNames),
    after: often<string[]>([], ['1'], ['x'], ['y'], ['y', 'z']),
    age: fc.constantFrom(0, 10, 700, 1400),
    notBefore: often<number | undefined>(undefined, now - 1, now + 1),
  })
  .map(({ hasBoth, age, ...of }) => ({
    ...of,
    group: of.volume === undefined || hasBoth ? of.group : undefined,
    submitted: now - age * 1000,
    jobID: '',
    item: '',
  }))

const jobs = fc
  .array(job, { minLength: 1, maxLength: 12 })
  .map((all) => all.map((of, at) => ({ ...of, jobID: `${at}`, item: `i${at}` })))

const use = fc.record({
  volume: maybe(fc.constantFrom(...volumeNames)),
  drive: maybe(fc.constantFrom(...driveNames)),
  server: fc.constantFrom(...serverNames),
  bytes: fc.constantFrom(0, 5),
})

/** Some that run already; each has what nobody else has. */
function claimsFor(
  wanted: readonly {
    volume?: string | undefined
    drive?: string | undefined
    server: string
    bytes: number
  }[],
  { volumes, drives, servers }: Inventory,
): readonly Claim[] {
  const claims: Claim[] = []
  for (const [at, use] of wanted.entries()) {
    const volume = volumes.find(({ name }) => name === use.volume)
    const server = servers.find(({ name }) => name === use.server)
    const hasDrive = drives.some(({ name }) => name === use.drive)
    const count = (kind: string, name: string | undefined) =>
      claims.filter(({ resource }) => resource.kind === kind && resource.name === name).length
    const [volumePlace, place] = [count('volume', volume?.name), count('server', server?.name)]
    if (server === undefined || place >= server.slots || count('drive', use.drive) > 0) continue
    if (volume !== undefined && volumePlace >= placesOf(volume)) continue
    claims.push(
      ...claimsOf(`r${at}`, server.name, {
        ...(volume === undefined ? {} : { volume: volume.name, volumePlace }),
        ...(hasDrive && use.drive !== undefined ? { drive: use.drive } : {}),
        place,
        bytes: use.bytes,
      }),
    )
  }
  return claims
}

const serverState = fc.record({
  present: often(true, false),
  disabled: often(false, true),
  kinds: often(jobKinds, ['restore'], ['archive', 'other']),
})

const volumeUse = fc.record({
  used: fc.constantFrom(0, 50, 100),
  mounted: maybe(fc.constantFrom(...driveNames)),
})

export interface Situation extends World {
  readonly jobs: readonly ReadyJob[]
}

/** Jobs, an inventory, and who uses what of it already. */
export const situation: fc.Arbitrary<Situation> = fc
  .record({
    jobs,
    inventory,
    uses: fc.array(use, { maxLength: 3 }),
    servers: fc.tuple(serverState, serverState, serverState),
    volumes: fc.dictionary(fc.constantFrom(...volumeNames), volumeUse, { maxKeys: 2 }),
  })
  .map(({ jobs, inventory, uses, servers, volumes }) => {
    const isTape = (name: string) =>
      inventory.volumes.some((each) => each.name === name && each.changer !== undefined)
    const state = {
      claims: claimsFor(uses, inventory),
      servers: new Map(servers.map((of, at) => [`s${at + 1}`, of])),
      volumes: new Map(Object.entries(volumes).filter(([name]) => isTape(name))),
      ended: new Map([
        ['y', 'completed' as const],
        ['z', 'failed' as const],
      ]),
      launched: new Set<string>(),
    }
    return { jobs, inventory, state, now }
  })
