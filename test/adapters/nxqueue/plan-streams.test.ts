// What plans come to when jobs keep coming: by a clock that is told what time it is.
import fc from 'fast-check'
import t from 'tap'
import type { Claim } from '../../../lib/adapters/nxqueue/cluster-state.js'
import type { Inventory } from '../../../lib/adapters/nxqueue/inventory.js'
import type { ReadyJob } from '../../../lib/adapters/nxqueue/job.js'
import { plan, type Launch, type PlanOptions } from '../../../lib/adapters/nxqueue/plan.js'
import {
  claimsOf,
  drive,
  inventoryOf,
  job,
  now,
  restore,
  server,
  stateOf,
  tape,
} from '../../helpers/nxqueue-archive.js'

interface Stream {
  readonly inventory: Inventory
  /** What is submitted at that second. */
  readonly arrivals: (second: number) => readonly ReadyJob[]
  /** How long a job runs, in seconds. */
  readonly duration: (job: ReadyJob) => number
  readonly seconds: number
  readonly options?: PlanOptions
}

const step = 10

/** At which second each job was launched. */
function launchesOf({ inventory, arrivals, duration, seconds, options }: Stream) {
  const launched = new Map<string, number>()
  const mounted = new Map<string, string>() // By drive.
  let ready: readonly ReadyJob[] = []
  let running: readonly { claims: readonly Claim[]; end: number }[] = []
  for (let second = 0; second < seconds; second += step) {
    running = running.filter(({ end }) => end > second)
    ready = [...ready, ...arrivals(second)]
    const state = stateOf(inventory, {
      claims: running.flatMap(({ claims }) => claims),
      volumes: new Map([...mounted].map(([drive, name]) => [name, { used: 0, mounted: drive }])),
    })
    const { launches } = plan(ready, inventory, state, now + second * 1000, options)
    for (const launch of launches) {
      launched.set(launch.job.jobID, second)
      if (launch.drive !== undefined) mount(mounted, launch.drive, launch.volume ?? '')
    }
    ready = ready.filter(({ jobID }) => !launched.has(jobID))
    running = [
      ...running,
      ...launches.map((launch) => ({
        claims: claimsFor(launch),
        end: second + duration(launch.job),
      })),
    ]
  }
  return launched
}

/** A volume is in one drive, and a drive has one. */
function mount(mounted: Map<string, string>, drive: string, volume: string) {
  for (const [other, name] of mounted) if (name === volume) mounted.delete(other)
  mounted.set(drive, volume)
}

function claimsFor({ job, server, serverPlace, volume, volumePlace, drive, from }: Launch) {
  return claimsOf(job.jobID, server, { place: serverPlace, volume, volumePlace, drive, from })
}

const submittedAt = (second: number) => ({ submitted: now + second * 1000 })

t.test('nothing starves, however much there is of what is more important', async (t) => {
  const inventory = inventoryOf({ volumes: ['v1', 'v2', 'v3'].map((name) => tape(name)) })
  const kinds = fc.record({
    kind: fc.constantFrom('archive', 'restore'),
    volume: fc.constantFrom('v1', 'v2', 'v3'),
    priority: fc.integer({ min: 0, max: 9 }),
    duration: fc.integer({ min: 1, max: 10 }),
    bytes: fc.integer({ min: 0, max: 1000 }),
  })
  fc.assert(
    fc.property(fc.array(kinds, { minLength: 450, maxLength: 450 }), (stream) => {
      const arrivals = (second: number) => {
        const of = stream[second / step]
        if (of === undefined) return []
        const { kind, volume, priority, bytes } = of
        const common = { priority: second === 0 ? 0 : priority, ...submittedAt(second) }
        const name = `${second / step}`
        return [
          kind === 'restore' ? restore(name, volume, common) : job(name, { ...common, bytes }),
        ]
      }
      const duration = ({ jobID }: ReadyJob) => step * (stream[Number(jobID)]?.duration ?? 1)
      const options = { aging: 60, turnAfter: 60 }
      const launched = launchesOf({ inventory, arrivals, duration, seconds: 4500, options })
      // The stream goes on to the end, and is twice as much as there are drives for.
      for (let number = 0; number < 60; number++) {
        if (!launched.has(`${number}`))
          throw new Error(`${number}: ${JSON.stringify(stream[number])}`)
      }
    }),
    { numRuns: 8 },
  )
  t.pass('in 8 streams')
})

/**
 * One job needs tape v1 and a drive of type A. Others use v1 in a drive of type B, and the drive of type A with
 * v2, for as long as they are there: there is always one of each, and never do both end at the same time.
 */
const never: Omit<Stream, 'options'> = {
  inventory: inventoryOf({
    servers: [server('s1', 9)],
    drives: [
      drive('a', { type: 'A', servers: ['s1'] }),
      drive('b', { type: 'B', servers: ['s1'] }),
    ],
  }),
  arrivals: (second) => [
    ...(second === 20 ? [restore('big', 'v1', { media: 'A', ...submittedAt(second) })] : []),
    ...(second % 40 === 0
      ? [restore(`b${second}`, 'v1', { media: 'B', priority: 9, ...submittedAt(second) })]
      : []),
    ...(second % 40 === 20
      ? [restore(`a${second}`, 'v2', { media: 'A', priority: 9, ...submittedAt(second) })]
      : []),
  ],
  duration: ({ jobID }) => (jobID === 'b0' || jobID === 'a20' ? 60 : 40),
  seconds: 20_000,
}

t.test('a job gets its turn whose tape and drive are never free at the same time', async (t) => {
  const launched = launchesOf({ ...never, options: { aging: 60, turnAfter: 60 } })
  t.ok((launched.get('big') ?? Infinity) < 1500, `at second ${launched.get('big') ?? 'never'}`)
  const without = launchesOf({ ...never, options: { aging: 60, turnAfter: Infinity } })
  t.equal(without.get('big'), undefined, 'which it would not if nothing were kept for it')
})
