import t from 'tap'
import type { ClusterState } from '../../../lib/adapters/nxqueue/cluster-state.js'
import type { Inventory } from '../../../lib/adapters/nxqueue/inventory.js'
import type { ReadyJob } from '../../../lib/adapters/nxqueue/job.js'
import { plan, type PlanOptions } from '../../../lib/adapters/nxqueue/plan.js'
import {
  claimsOf,
  disk,
  drive,
  inventoryOf,
  job,
  now,
  restore,
  server,
  stateOf,
  tape,
} from '../../helpers/nxqueue-archive.js'

interface Situation {
  readonly jobs: readonly ReadyJob[]
  readonly inventory?: Partial<Inventory>
  readonly state?: Partial<ClusterState>
  readonly options?: PlanOptions
}

function planOf({ jobs, inventory = {}, state = {}, options }: Situation) {
  const whole = inventoryOf(inventory)
  return plan(jobs, whole, stateOf(whole, state), now, options)
}

/** What is launched with what, and the codes for which each of the others waits. */
function outcome(situation: Situation): Record<string, string> {
  const { launches, waiting } = planOf(situation)
  const launched = launches.map(({ job, volume, drive, server }): [string, string] => [
    job.jobID,
    [volume, drive, server].filter((name) => name !== undefined).join(' '),
  ])
  const others = [...waiting].map(([item, reasons]): [string, string] => [
    item.replace('item-', ''),
    reasons.map(({ code }) => code).join(' '),
  ])
  return Object.fromEntries([...launched, ...others])
}

const old = now - 601_000
const v1 = claimsOf('r', 's1', { volume: 'v1', drive: 'd1' })

type Case = [name: string, situation: Situation, expected: Record<string, string>]

function tell(title: string, cases: readonly Case[]) {
  t.test(title, async (t) => {
    for (const [name, situation, expected] of cases)
      t.strictSame(outcome(situation), expected, name)
  })
}

tell('a job that can run is launched', [
  ['archive: a tape of the group, a drive, a server', { jobs: [job('1')] }, { 1: 'v1 d1 s1' }],
  ['archive: the tape that it names', { jobs: [job('1', { volume: 'v2' })] }, { 1: 'v2 d1 s1' }],
  ['restore', { jobs: [restore('1', 'v2')] }, { 1: 'v2 d1 s1' }],
  ['format', { jobs: [restore('1', 'v2', { kind: 'format' })] }, { 1: 'v2 d1 s1' }],
  [
    'two, on servers that have as many to do',
    { jobs: [job('1'), job('2')] },
    { 1: 'v1 d1 s1', 2: 'v2 d2 s2' },
  ],
  ['other: only a server', { jobs: [job('1', { kind: 'other', group: undefined })] }, { 1: 's1' }],
  [
    'other: a drive of the type that it names',
    {
      jobs: [job('1', { kind: 'other', group: undefined, media: 'LTO-9' })],
      inventory: { drives: [drive('d1'), drive('d2', { type: 'LTO-9' })] },
    },
    { 1: 'd2 s1' },
  ],
  [
    'a volume on disk needs no drive, and has places',
    {
      jobs: ['1', '2', '3'].map((jobID) => job(jobID, { volume: 'x' })),
      inventory: { volumes: [disk('x')], drives: [] },
    },
    { 1: 'x s1', 2: 'x s2', 3: 'WaitVolume' },
  ],
  [
    'media disk: no tape',
    { jobs: [job('1', { media: 'disk' })], inventory: { volumes: [tape('v1'), disk('x')] } },
    { 1: 'x s1' },
  ],
  [
    'a read-only tape is read, in a drive that only reads its generation',
    {
      jobs: [restore('1', 'v1'), job('2', { volume: 'v1' })],
      inventory: { volumes: [tape('v1', { state: 2, generation: 7 })] },
    },
    { 1: 'v1 d1 s1', 2: 'VolumeReadOnly NoSuchDrive WaitVolume' },
  ],
])

tell('of what will do it takes', [
  [
    'the tape that is in a drive, and that drive',
    { jobs: [job('1')], inventory: { volumes: [tape('v1'), tape('v2', { mounted: 'd2' })] } },
    { 1: 'v2 d2 s1' },
  ],
  [
    'the fullest with room',
    {
      jobs: [job('1', { bytes: 100 })],
      inventory: {
        volumes: [tape('v1'), tape('v2', { used: 500 }), tape('v3', { used: 950 })],
      },
    },
    { 1: 'v2 d1 s1' },
  ],
  [
    'an empty drive rather than one with a tape',
    {
      jobs: [restore('1', 'v1')],
      inventory: { volumes: [tape('v1'), tape('v2', { mounted: 'd1' })] },
    },
    { 1: 'v1 d2 s1' },
  ],
  [
    'the drive with a tape that no job wants',
    {
      jobs: [restore('1', 'v1', { priority: 9 }), restore('2', 'v2')],
      inventory: {
        volumes: [tape('v1'), tape('v2', { mounted: 'd1' }), tape('v3', { mounted: 'd2' })],
      },
    },
    { 1: 'v1 d2 s1', 2: 'v2 d1 s2' },
  ],
  [
    'another drive for a tape in one that does not write it',
    {
      jobs: [job('1', { volume: 'v1' })],
      inventory: {
        volumes: [tape('v1', { mounted: 'd1' })],
        drives: [drive('d1', { writes: [9] }), drive('d2')],
      },
    },
    { 1: 'v1 d2 s1' },
  ],
  [
    'the server with the most places',
    { jobs: [job('1')], inventory: { servers: [server('s1', 1), server('s2', 3)] } },
    { 1: 'v1 d1 s2' },
  ],
  ['the server that it names', { jobs: [job('1', { server: 's2' })] }, { 1: 'v1 d1 s2' }],
])

const one = { drives: [drive('d1')], volumes: [tape('v1'), tape('v2')] }

tell('the first in rank is', [
  [
    'the higher priority',
    { jobs: [job('1'), job('2', { priority: 6 })], inventory: one },
    { 2: 'v1 d1 s1', 1: 'WaitDrive' },
  ],
  [
    'the older',
    { jobs: [job('1'), job('2', { submitted: now - 1 })], inventory: one },
    { 2: 'v1 d1 s1', 1: 'WaitDrive' },
  ],
  [
    'the first by name',
    { jobs: [job('2'), job('1')], inventory: one },
    { 1: 'v1 d1 s1', 2: 'WaitDrive' },
  ],
  [
    'one whose tape is in a drive, before the older',
    {
      jobs: [restore('1', 'v1', { submitted: now - 1 }), restore('2', 'v2')],
      inventory: { ...one, volumes: [tape('v1'), tape('v2', { mounted: 'd1' })] },
    },
    { 2: 'v2 d1 s1', 1: 'WaitDrive' },
  ],
  [
    'one with a point more for its age, before one whose tape is in a drive',
    {
      jobs: [restore('1', 'v1', { submitted: now - 60_000 }), restore('2', 'v2')],
      inventory: { ...one, volumes: [tape('v1'), tape('v2', { mounted: 'd1' })] },
      options: { aging: 60 },
    },
    { 1: 'v1 d1 s1', 2: 'WaitVolume WaitDrive' },
  ],
  [
    'the one of priority 0 that has waited long, before one of priority 9',
    {
      jobs: [job('1', { priority: 0, submitted: now - 6_000_000 }), job('2', { priority: 9 })],
      inventory: one,
    },
    { 1: 'v1 d1 s1', 2: 'WaitDrive' },
  ],
])

tell('a job waits', [
  ['for its tape', { jobs: [restore('1', 'v1')], state: { claims: v1 } }, { 1: 'WaitVolume' }],
  [
    'for all at once, and says so',
    {
      jobs: [restore('1', 'v1', { notBefore: now + 1, after: ['a', 'b', 'c'], server: 's1' })],
      inventory: { servers: [server('s1', 1), server('s2')], drives: [drive('d1')] },
      state: {
        claims: v1,
        ended: new Map([
          ['b', 'failed'],
          ['c', 'completed'],
        ]),
      },
    },
    { 1: 'WaitTime WaitDependency DependencyFailed WaitVolume WaitDrive WaitServer' },
  ],
  [
    'for a tape in a drive that another job uses',
    {
      jobs: [restore('1', 'v2')],
      inventory: { volumes: [tape('v1'), tape('v2', { mounted: 'd1' })] },
      state: { claims: v1 },
    },
    { 1: 'WaitVolume' },
  ],
  [
    'for a tape in a drive that is disabled',
    {
      jobs: [restore('1', 'v1')],
      inventory: {
        volumes: [tape('v1', { mounted: 'd1' })],
        drives: [drive('d1', { enabled: false }), drive('d2')],
      },
    },
    { 1: 'WaitVolume' },
  ],
  [
    'for a tape of the group',
    { jobs: [job('1')], inventory: { volumes: [tape('v1')] }, state: { claims: v1 } },
    { 1: 'WaitGroup' },
  ],
  [
    'for room that is reserved',
    {
      jobs: [job('1', { volume: 'x', bytes: 600 })],
      inventory: { volumes: [disk('x')] },
      state: { claims: claimsOf('r', 's1', { volume: 'x', bytes: 500 }) },
    },
    { 1: 'WaitCapacity' },
  ],
  [
    'for a drive that is enabled',
    { jobs: [job('1')], inventory: { drives: [drive('d1', { enabled: false })] } },
    { 1: 'WaitDrive' },
  ],
  [
    'for a place of a server that sees the drive that is free',
    {
      jobs: [restore('1', 'v2')],
      inventory: {
        drives: [drive('d1'), drive('d2', { servers: ['s1'] })],
        servers: [server('s1', 1), server('s2')],
      },
      state: { claims: v1 },
    },
    { 1: 'WaitServer' },
  ],
  [
    'for a server that is there',
    { jobs: [job('1')], state: { servers: new Map() } },
    { 1: 'WaitServer' },
  ],
  [
    'for a server that is not disabled, and one that executes its kind',
    {
      jobs: [job('1')],
      state: {
        servers: new Map([
          ['s1', { present: true, disabled: true, kinds: ['archive'] }],
          ['s2', { present: true, disabled: false, kinds: ['restore'] }],
        ]),
      },
    },
    { 1: 'WaitServer' },
  ],
  [
    'for one that had completed and is to run again',
    {
      jobs: [job('1', { after: ['2'] }), job('2', { notBefore: now + 1 })],
      state: { ended: new Map([['2', 'completed']]) },
    },
    { 1: 'WaitDependency', 2: 'WaitTime' },
  ],
  [
    'for one that failed and is run again',
    {
      jobs: [job('1', { after: ['2'] })],
      state: { ended: new Map([['2', 'failed']]), launched: new Set(['2']) },
    },
    { 1: 'WaitDependency' },
  ],
])

tell('a person has to help a job', [
  [
    'whose tape is disabled',
    { jobs: [restore('1', 'v')], inventory: { volumes: [tape('v', { state: 3 })] } },
    { 1: 'VolumeDisabled' },
  ],
  [
    'whose tape is unknown',
    { jobs: [restore('1', 'v')], inventory: { volumes: [tape('v', { state: 0 })] } },
    { 1: 'VolumeUnknown' },
  ],
  ['whose tape there is not', { jobs: [restore('1', 'v')] }, { 1: 'NoSuchVolume' }],
  [
    'whose tape is not in its group',
    { jobs: [job('1', { volume: 'v1', group: 'h' })] },
    { 1: 'NoSuchVolume' },
  ],
  [
    'that names none',
    { jobs: [job('1', { group: undefined }), job('2', { kind: 'restore' })] },
    { 1: 'NoSuchVolume', 2: 'NoSuchVolume' },
  ],
  ['whose group there is not', { jobs: [job('1', { group: 'h' })] }, { 1: 'NoSuchGroup' }],
  ['whose group has no tapes', { jobs: [job('1')], inventory: { volumes: [] } }, { 1: 'NoRoom' }],
  ['whose server there is not', { jobs: [job('1', { server: 's9' })] }, { 1: 'NoSuchServer' }],
  [
    'whose server does not reach the volume',
    {
      jobs: [job('1', { server: 's1', volume: 'x' })],
      inventory: { volumes: [disk('x', { servers: ['s2'] })] },
    },
    { 1: 'NoSuchServer' },
  ],
  [
    'whose tape no drive takes',
    { jobs: [job('1', { volume: 'v' })], inventory: { volumes: [tape('v', { generation: 7 })] } },
    { 1: 'NoSuchDrive' },
  ],
  [
    'whose tape is in a changer without drives',
    { jobs: [job('1', { volume: 'v' })], inventory: { volumes: [tape('v', { changer: 'e' })] } },
    { 1: 'NoSuchDrive' },
  ],
  [
    'that names a type of drive that there is not',
    { jobs: [job('1', { media: 'LTO-5' })] },
    { 1: 'NoSuchDrive' },
  ],
  [
    'that asks for disk and names a tape',
    { jobs: [job('1', { volume: 'v1', media: 'disk' })] },
    { 1: 'NoSuchDrive' },
  ],
  [
    'that comes after one that failed',
    { jobs: [job('1', { after: ['2'] })], state: { ended: new Map([['2', 'cancelled']]) } },
    { 1: 'DependencyFailed' },
  ],
  ['that is too large', { jobs: [job('1', { bytes: 1001 })] }, { 1: 'NoRoom' }],
  [
    'whose group has tapes that are read-only, and one that is too full',
    {
      jobs: [job('1')],
      inventory: { volumes: [tape('v1', { state: 2 }), tape('v2', { used: 999 })] },
    },
    { 1: 'NoRoom' },
  ],
  [
    'whose group has no tape that may be written',
    {
      jobs: [job('1')],
      inventory: { volumes: [tape('v1', { state: 2 }), tape('v2', { state: 3 })] },
    },
    { 1: 'VolumeReadOnly VolumeDisabled' },
  ],
])

/** Drive d1 of its type is free and its tape is in use in the other, and the other way round. */
const both = { drives: [drive('d1', { type: 'A' }), drive('d2', { type: 'B' })] }
const big = restore('big', 'v1', { media: 'A', submitted: old })

tell('when its turn has come', [
  [
    'a job keeps the drive while it waits for the tape',
    {
      jobs: [big, restore('small', 'v2', { media: 'A' })],
      inventory: both,
      state: { claims: claimsOf('r', 's1', { volume: 'v1', drive: 'd2' }) },
    },
    { big: 'WaitVolume', small: 'WaitPriority' },
  ],
  [
    'and the tape while it waits for the drive',
    {
      jobs: [big, restore('small', 'v1', { media: 'B' })],
      inventory: both,
      state: { claims: claimsOf('r', 's1', { volume: 'v2', drive: 'd1' }) },
    },
    { big: 'WaitDrive', small: 'WaitPriority' },
  ],
  [
    'but nothing before',
    {
      jobs: [{ ...big, submitted: now - 599_000 }, restore('small', 'v2', { media: 'A' })],
      inventory: both,
      state: { claims: claimsOf('r', 's1', { volume: 'v1', drive: 'd2' }) },
    },
    { big: 'WaitVolume WaitDrive', small: 'v2 d1 s2' },
  ],
  [
    'nor another drive than the one that becomes free with the tape',
    {
      jobs: [restore('big', 'v1', { submitted: old }), restore('small', 'v2')],
      state: { claims: v1 },
    },
    { big: 'WaitVolume WaitDrive', small: 'v2 d2 s2' },
  ],
  [
    'only the first of those that wait for a tape keeps a drive',
    {
      jobs: [
        ...['b1', 'b2', 'b3'].map((jobID) => ({ ...big, jobID, item: `item-${jobID}` })),
        restore('small', 'v2', { media: 'A' }),
      ],
      inventory: { drives: [...both.drives, drive('d3', { type: 'A' })] },
      state: { claims: claimsOf('r', 's1', { volume: 'v1', drive: 'd2' }) },
    },
    {
      b1: 'WaitVolume',
      b2: 'WaitVolume WaitPriority',
      b3: 'WaitVolume WaitPriority',
      small: 'v2 d3 s2',
    },
  ],
  [
    'it keeps nothing while it waits for a person',
    {
      jobs: [restore('big', 'v1', { submitted: old }), restore('small', 'v2')],
      inventory: { volumes: [tape('v1', { state: 3 }), tape('v2')], drives: [drive('d1')] },
    },
    { big: 'VolumeDisabled WaitDrive', small: 'v2 d1 s1' },
  ],
  [
    'it keeps room',
    {
      jobs: [
        job('big', { volume: 'x', bytes: 600, server: 's1', submitted: old }),
        job('small', { volume: 'x', bytes: 500 }),
        job('tiny', { volume: 'x', bytes: 400 }),
      ],
      inventory: { volumes: [disk('x', { jobs: 9 })], servers: [server('s1', 1), server('s2')] },
      state: { claims: claimsOf('r', 's1', {}) },
    },
    { big: 'WaitServer', small: 'WaitPriority', tiny: 'x s2' },
  ],
  [
    'it keeps the place of a server',
    {
      jobs: [
        restore('big', 'v1', { server: 's1', submitted: old }),
        job('small', { kind: 'other', group: undefined, server: 's1' }),
      ],
      inventory: { servers: [server('s1', 1), server('s2')], drives: [drive('d1')] },
      state: { claims: claimsOf('r', 's2', { volume: 'v2', drive: 'd1' }) },
    },
    { big: 'WaitDrive', small: 'WaitPriority' },
  ],
])

/** Tape v1 is in drive d1, and is only used in d2. */
const apart = {
  drives: [drive('d1', { type: 'A' }), drive('d2', { type: 'B' })],
  volumes: [tape('v1', { mounted: 'd1' }), tape('v2')],
}
const moving = restore('move', 'v1', { media: 'B', priority: 9 })

tell('a tape that is moved from one drive to another', [
  [
    'takes both, so that nobody else uses the one while it is unloaded there',
    { jobs: [moving, restore('1', 'v2', { media: 'A' })], inventory: apart },
    { move: 'v1 d2 s1', 1: 'WaitDrive' },
  ],
  [
    'has both for as long as its job lasts',
    {
      jobs: [restore('1', 'v2', { media: 'A' })],
      inventory: apart,
      state: { claims: claimsOf('r', 's1', { volume: 'v1', drive: 'd2', from: 'd1' }) },
    },
    { 1: 'WaitDrive' },
  ],
  [
    'waits for the drive that it is in',
    {
      jobs: [moving],
      inventory: apart,
      state: { claims: claimsOf('r', 's1', { drive: 'd1' }) },
    },
    { move: 'WaitVolume' },
  ],
  [
    'also where that is kept for a job before it',
    {
      jobs: [
        restore('big', 'v2', { media: 'A', submitted: old, server: 's1' }),
        { ...moving, priority: 0 },
      ],
      inventory: { ...apart, servers: [server('s1', 1), server('s2')] },
      state: { claims: claimsOf('r', 's1', {}) },
    },
    { big: 'WaitServer', move: 'WaitPriority' },
  ],
  [
    'keeps both when its turn has come',
    {
      jobs: [{ ...moving, submitted: old }, restore('1', 'v2', { media: 'A' })],
      inventory: { ...apart, volumes: [...apart.volumes, tape('v3')] },
      state: { claims: claimsOf('r', 's1', { volume: 'v3', drive: 'd2' }) },
    },
    { move: 'WaitDrive', 1: 'WaitPriority' },
  ],
])

t.test('a launch names the places that are free, and what is reserved', async (t) => {
  const inventory = { volumes: [disk('x', { jobs: 3 })], servers: [server('s1', 3)] }
  const claims = [
    ...claimsOf('r', 's1', { volume: 'x', volumePlace: 1, place: 2 }),
    ...claimsOf('q', 's1', { place: 0 }),
  ]
  const asked = job('1', { volume: 'x', bytes: 7 })
  const { launches } = planOf({ jobs: [asked], inventory, state: { claims } })
  t.strictSame(launches, [
    {
      job: asked,
      server: 's1',
      serverPlace: 1,
      volume: 'x',
      volumePlace: 0,
      drive: undefined,
      from: undefined,
      bytes: 7,
    },
  ])
})

t.test('what was seen of a volume goes before what the inventory says', async (t) => {
  const inventory = { volumes: [tape('v1', { mounted: 'd1' }), tape('v2')], drives: [drive('d1')] }
  const volumes = new Map([['v2', { used: 995, mounted: 'd1' }]])
  const jobs = [
    restore('1', 'v1', { submitted: now - 1 }),
    restore('2', 'v2'),
    job('3', { volume: 'v2' }),
  ]
  t.strictSame(outcome({ jobs, inventory, state: { volumes } }), {
    2: 'v2 d1 s1',
    1: 'WaitDrive',
    3: 'NoRoom WaitVolume WaitDrive',
  })
})

t.test('each reason says in a sentence what would have to change, and about what', async (t) => {
  const situation = {
    jobs: [restore('1', 'v1'), job('2', { after: ['9'] })],
    state: { claims: v1 },
  }
  const { waiting } = planOf(situation)
  t.strictSame(waiting.get('item-1'), [
    {
      code: 'WaitVolume',
      text: 'Volume v1 is used by job r.',
      isForPerson: false,
      concerns: { kind: 'volume', name: 'v1' },
    },
  ])
  const unknown = {
    code: 'WaitDependency',
    text: 'Job 9 is not known here; submit it, or cancel this one.',
    concerns: { kind: 'job', name: '9' },
  }
  t.match(waiting.get('item-2'), [unknown])
})

t.test(
  'sizes are told with their units, and in bytes where they would look the same',
  async (t) => {
    const wanted = { a: 3e12, b: 2_500_000_000_001, c: 1e12 }
    const jobs = Object.entries(wanted).map(([name, bytes]) => job(name, { volume: 'v1', bytes }))
    const inventory = { volumes: [tape('v1', { capacity: 2.5e12, jobs: 2 })] }
    const claims = claimsOf('r', 's1', { volume: 'v1', drive: 'd1', bytes: 2e12 })
    const { waiting } = planOf({ jobs, inventory, state: { claims } })
    const told = Object.keys(wanted).map((name) => waiting.get(`item-${name}`)?.[0]?.text)
    t.strictSame(told, [
      'Volume v1 has room for 2.5 TB at most, and 3 TB are needed.',
      'Volume v1 has room for 2500000000000 B at most, and 2500000000001 B are needed.',
      'Volume v1 has room for 500 GB at most, and 1 TB are needed, while more is reserved for jobs r.',
    ])
  },
)

t.test('a volume that is fuller than it is large has room for nothing', async (t) => {
  const inventory = { volumes: [tape('v1', { capacity: 100, used: 200 })] }
  const { waiting } = planOf({ jobs: [job('1')], inventory })
  t.match(waiting.get('item-1'), [{ text: /room for 0 B at most, and 10 B are needed/ }])
})

t.test(
  'a server that does not reach a volume is told apart from a volume that none reaches',
  async (t) => {
    const jobs = [job('1', { volume: 'x', server: 's1' }), job('2', { volume: 'y' })]
    const volumes = [disk('x', { servers: ['s2'] }), disk('y', { servers: [] })]
    const { waiting } = planOf({ jobs, inventory: { volumes } })
    t.match(waiting.get('item-1'), [
      { text: 'Server s1 does not reach volume x: name another server, or another volume.' },
    ])
    t.match(waiting.get('item-2'), [{ text: 'No server reaches volume y: name another volume.' }])
  },
)

t.test('the jobs that wait are told by rank', async (t) => {
  const jobs = ['1', '2', '3'].map((jobID, at) => job(jobID, { priority: at }))
  const { waiting } = planOf({ jobs, inventory: { drives: [] } })
  t.strictSame([...waiting.keys()], ['item-3', 'item-2', 'item-1'])
  t.equal(waiting.size, 3)
  t.strictSame([...waiting.values()].length, 3)
  t.equal(waiting.get('item-4'), undefined)
})
