import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { examine } from '../../lib/upkeep/examine.js'
import { examineLeftovers } from '../../lib/upkeep/examine-leftovers.js'
import type { FindingKind, Mend } from '../../lib/upkeep/finding.js'
import { type Repair, repairQueue, type RepairOptions } from '../../lib/upkeep/repair.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { listOf } from '../helpers/findings-suite.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { modeOf } from '../helpers/mode.js'
import { snapshot } from '../helpers/snapshot.js'
import {
  contentsOf,
  entriesOf,
  nothing,
  temporaryQueue,
  temporaryRoot,
} from '../helpers/temporary.js'

type Paths = Queue['context']['paths']

const id = itemName()

async function repairAll(queue: Queue, options: RepairOptions = {}): Promise<Repair[]> {
  return listOf(repairQueue(queue, { older: 0, ...options }))
}

t.test('what somebody has locked is left', async (t) => {
  const queue = await temporaryQueue(t, { itemMode: 0o600 })
  const { paths } = queue.context
  for (const name of ['malformed', id]) {
    chmodSync(putEntry(paths.queue, name), 0o644)
    lockedDescriptor(t, `${paths.queue}/${name}`)
  }
  const repairs = await repairAll(queue)
  t.strictSame(repairs.map(({ finding }) => finding.kind).sort(), ['malformed', 'wrong-mode'])
  for (const { outcome, error } of repairs)
    t.match({ outcome, error }, { outcome: 'left', error: { code: 'FSQ_ITEM_LOCKED' } })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id, 'malformed'] })
  t.equal(modeOf(`${paths.queue}/${id}`), '644')
})

t.test('what is locked for a moment and then gone is not told of', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  putEntry(paths.queue, 'malformed')
  lockedDescriptor(t, `${paths.queue}/malformed`)
  const repairs = repairAll(queue)
  for (let i = 0; i < 3; i++) await setImmediate() // It has been found locked.
  renameSync(`${paths.queue}/malformed`, `${paths.fail}/malformed`)
  t.strictSame(await repairs, [])
})

/** What makes an item that is found so. */
const makes = {
  stale: ({ tmp }) => putEntry(tmp, id),
  'enqueue-cut': (paths) => {
    putEntry(paths.tmp, id)
    linkSync(`${paths.tmp}/${id}`, `${paths.queue}/${id}`)
  },
  'finish-cut': (paths) => {
    putEntry(paths.queue, id)
    linkSync(`${paths.queue}/${id}`, `${paths.done}/${id}`)
  },
  'retry-cut': ({ queue }) => {
    putEntry(queue, id)
    linkSync(`${queue}/${id}`, `${queue}/${itemName({ tries: 1 })}`)
  },
  expired: ({ queue }) => putEntry(queue, id),
} as const satisfies Partial<Record<FindingKind, (paths: Paths) => void>>

/** What can happen to an item between the moment in which it is found and that of its repair. */
const meanwhile: readonly {
  readonly kind: FindingKind
  readonly make: (paths: Paths) => void
  /** What a worker, or another repair, does with it; nothing may change after that. */
  readonly act: (paths: Paths) => void
}[] = [
  {
    kind: 'stale',
    make: makes.stale,
    act: ({ tmp }) => {
      rmSync(`${tmp}/${id}`)
    },
  },
  {
    kind: 'stale',
    make: makes.stale,
    act: ({ tmp }) => {
      rmSync(`${tmp}/${id}`)
      mkdirSync(`${tmp}/${id}`)
    },
  },
  {
    kind: 'enqueue-cut',
    make: makes['enqueue-cut'],
    act: ({ queue }) => {
      rmSync(`${queue}/${id}`)
    },
  },
  {
    kind: 'enqueue-cut',
    make: makes['enqueue-cut'],
    act: ({ queue }) => {
      rmSync(`${queue}/${id}`)
      putEntry(queue, id, 'another item')
    },
  },
  {
    kind: 'finish-cut',
    make: makes['finish-cut'],
    act: ({ done }) => {
      rmSync(`${done}/${id}`) // By a prune.
    },
  },
  {
    kind: 'finish-cut',
    make: makes['finish-cut'],
    act: ({ queue }) => {
      rmSync(`${queue}/${id}`)
      putEntry(queue, id, 'another item')
    },
  },
  {
    kind: 'retry-cut',
    make: makes['retry-cut'],
    act: ({ queue, done }) => {
      renameSync(`${queue}/${itemName({ tries: 1 })}`, `${done}/${itemName({ tries: 1 })}`)
    },
  },
  {
    kind: 'expired',
    make: makes.expired,
    act: ({ queue, done }) => {
      renameSync(`${queue}/${id}`, `${done}/${id}`)
    },
  },
  {
    kind: 'malformed',
    make: ({ queue }) => putEntry(queue, 'x'),
    act: ({ queue, fail }) => {
      renameSync(`${queue}/x`, `${fail}/x`)
    },
  },
  {
    kind: 'malformed',
    make: ({ queue }) => {
      mkdirSync(`${queue}/${id}`)
    },
    act: ({ queue }) => {
      rmdirSync(`${queue}/${id}`)
      putEntry(queue, id)
    },
  },
  {
    kind: 'missing-directory',
    make: ({ tmp }) => {
      rmdirSync(tmp)
    },
    act: ({ tmp }) => {
      mkdirSync(tmp)
      putEntry(tmp, id)
    },
  },
  {
    kind: 'install-leftover',
    make: ({ directory }) => {
      mkdirSync(`${directory}/../.q.install-0123456789ab`)
    },
    act: ({ directory }) => {
      rmdirSync(`${directory}/../.q.install-0123456789ab`)
    },
  },
  {
    kind: 'uninstall-leftover',
    make: ({ directory }) => {
      mkdirSync(`${directory}/../.q.uninstall-0123456789ab/queue`, { recursive: true })
    },
    act: ({ directory }) => {
      putEntry(`${directory}/../.q.uninstall-0123456789ab/queue`, id)
    },
  },
  {
    kind: 'uninstall-leftover',
    make: ({ directory }) => {
      mkdirSync(`${directory}/../.q.uninstall-0123456789ab/.incoming/staged`, { recursive: true })
    },
    act: ({ directory }) => {
      putEntry(`${directory}/../.q.uninstall-0123456789ab/.incoming/staged`, id)
    },
  },
]

for (const [i, { kind, make, act }] of meanwhile.entries()) {
  t.test(`${kind}: what others do before it is mended counts (${i})`, async (t) => {
    const queue = await temporaryQueue(t)
    const { paths, settings } = queue.context
    make(paths)
    for await (const { finding, mend } of examine(queue, { older: 0, ttl: 1 })) {
      if (finding.kind !== kind || mend === undefined) continue
      act(paths)
      const before = snapshot(settings.root)
      t.equal(await mend.run(), false)
      t.strictSame(withoutTimes(snapshot(settings.root)), withoutTimes(before))
      return
    }
    t.fail('it was not found')
  })
}

/** A directory that is made beside the queue and removed again changes the times of the root. */
function withoutTimes(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(' ').slice(0, -2).join(' '))
}

for (const [kind, make] of Object.entries(makes)) {
  t.test(`${kind}: what was locked after it was found is left`, async (t) => {
    const queue = await temporaryQueue(t)
    const { paths } = queue.context
    make(paths)
    const before = contentsOf(queue)
    let found = 0
    for await (const { finding, mend } of examine(queue, { older: 0, ttl: 1 })) {
      if (finding.kind !== kind || mend === undefined) continue
      const { state = 'queue', id = '' } = finding
      lockedDescriptor(t, `${paths[state]}/${id}`)
      await t.rejects(mend.run(), { code: 'FSQ_ITEM_LOCKED' })
      found++
    }
    t.equal(found, 1)
    t.strictSame(contentsOf(queue), before)
  })
}

/** The first finding while the queue is examined, which holds its directories open. */
async function withFirst(queue: Queue, act: (mend: Mend) => Promise<void>): Promise<void> {
  for await (const { mend } of examine(queue, { older: 0 })) {
    if (mend === undefined) throw new Error('Expected something to mend')
    await act(mend)
    return
  }
  throw new Error('Expected a finding')
}

t.test('a file that was linked after it was found gets no other mode', async (t) => {
  const root = temporaryRoot(t, { itemMode: 0o666 })
  const queue = await root.install('q')
  const path = `${queue.context.paths.queue}/${id}`
  chmodSync(putEntry(queue.context.paths.queue, id), 0o600)
  await withFirst(queue, async (mend) => {
    linkSync(path, `${root.settings.root}/elsewhere`)
    await t.rejects(mend.run(), { code: 'FSQ_REPAIR' })
  })
  t.equal(modeOf(path), '600')
})

t.test('the mode that counts is the one that the item has when it is locked', async (t) => {
  const queue = await temporaryQueue(t)
  const path = `${queue.context.paths.queue}/${id}`
  chmodSync(putEntry(queue.context.paths.queue, id), 0o4600)
  await withFirst(queue, async (mend) => {
    chmodSync(path, 0o4640)
    t.equal(await mend.run(), true)
    t.equal(modeOf(path), '640', 'not 600, as it was')
    t.equal(await mend.run(), false)
  })
})

t.test('a directory that is made again is not setuid', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  rmdirSync(paths.tmp)
  chmodSync(paths.directory, 0o6770)
  t.match(await repairAll(queue), [
    { finding: { kind: 'wrong-mode' }, outcome: 'mended' },
    { finding: { kind: 'missing-directory' }, outcome: 'mended' },
  ])
  t.equal(modeOf(paths.directory), '2770')
  t.equal(modeOf(paths.tmp), '2770')
})

t.test('an item that has names in other queues is not finished', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  const { paths } = queue.context
  const other = await root.install('other')
  // Done once, and linked back into the queue from another: it is to be done again.
  putEntry(paths.done, id)
  linkSync(`${paths.done}/${id}`, `${other.context.paths.queue}/${id}`)
  const item = await other.claim(id)
  await queue.reenqueue(item, { link: true })
  item.close()
  t.match(await repairAll(queue), [
    { finding: { kind: 'finish-cut', remedy: 'decide' }, outcome: 'left' },
  ])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id], done: [id] })
})

t.test('an item that gets a name elsewhere after it was found is not finished', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths, settings } = queue.context
  makes['finish-cut'](paths)
  await withFirst(queue, async (mend) => {
    linkSync(`${paths.queue}/${id}`, `${settings.root}/elsewhere`)
    await t.rejects(mend.run(), { code: 'FSQ_REPAIR' })
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id], done: [id] })
})

t.test('a repaired queue works', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  for (const path of [paths.tmp, paths.queue, paths.done]) rmdirSync(path)
  const repairs = await repairAll(queue)
  t.strictSame(
    repairs.map(({ action }) => action),
    Array(3).fill('made again'),
  )
  const enqueued = await queue.enqueue('')
  await (await queue.claim(enqueued)).done()
  t.strictSame(contentsOf(queue), { ...nothing, done: [enqueued] })
  t.strictSame(entriesOf(queue.context.settings.root), ['q'])
})

const sharedMemory = lstatSync('/dev/shm', { throwIfNoEntry: false })
const sameDisk =
  sharedMemory === undefined || sharedMemory.dev === lstatSync(tmpdir()).dev
    ? '/dev/shm is no other file system here'
    : false

t.test(
  'a queue on another file system gets its directories again',
  { skip: sameDisk },
  async (t) => {
    const root = temporaryRoot(t)
    const elsewhere = mkdtempSync('/dev/shm/fsq-')
    t.teardown(() => {
      rmSync(elsewhere, { recursive: true })
    })
    const far = await temporaryRoot(t, { root: elsewhere }).install('q')
    rmdirSync(far.context.paths.done)
    symlinkSync(far.path, `${root.settings.root}/q`)
    t.match(await repairAll(root.queue('q')), [
      { finding: { kind: 'missing-directory' }, outcome: 'mended', action: 'made again' },
    ])
    t.strictSame(entriesOf(root.settings.root), ['q'])
    t.strictSame(entriesOf(far.path), ['done', 'fail', 'queue', 'tmp'])
    t.equal(modeOf(far.context.paths.done), modeOf(far.path))
  },
)

t.test('what malformed entries collide with in fail/ is kept', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  putEntry(paths.queue, 'x', 'ours')
  putEntry(paths.fail, 'x', 'theirs')
  t.match(await repairAll(queue), [{ outcome: 'mended', action: 'moved to fail/' }])
  t.strictSame(contentsOf(queue), { ...nothing, fail: ['x', 'x.1'] })
})

t.test('items that are good by other settings are not all moved to fail/', async (t) => {
  const { root } = temporaryRoot(t).settings
  const theirs = await temporaryRoot(t, { root, timefmt: '%Y-%m-%dT%H%M%S' }).install('q')
  for (let i = 0; i < 11; i++) await theirs.enqueue('')
  const queue = temporaryRoot(t, { root }).queue('q')
  const before = contentsOf(queue)
  const repairs = await repairAll(queue)
  t.equal(repairs.length, 11)
  for (const { finding, outcome } of repairs) {
    const { kind, remedy, reason } = finding
    t.strictSame([outcome, kind, remedy], ['left', 'malformed', 'decide'])
    t.match(reason, /are FSQ_TIMEFMT, FSQ_ENCODE and FSQ_CHARSET those of who enqueued them\?$/)
  }
  t.strictSame(contentsOf(queue), before)
  const ours = await queue.enqueue('')
  await repairAll(queue)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [ours], fail: before['queue'] })
})

t.test('a few malformed entries are moved, though there is no item', async (t) => {
  const queue = await temporaryQueue(t)
  for (let i = 0; i < 10; i++) putEntry(queue.context.paths.queue, `x${i}`)
  const repairs = await repairAll(queue)
  t.strictSame(
    repairs.map(({ outcome }) => outcome),
    Array(10).fill('mended'),
  )
})

t.test('an uninstall that was cut is finished, though a queue of that name is there', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  const kept = await queue.enqueue('')
  mkdirSync(`${root.settings.root}/.q.uninstall-0123456789ab/queue`, { recursive: true })
  t.match(await repairAll(queue), [{ outcome: 'mended', action: 'removed' }])
  t.strictSame(entriesOf(root.settings.root), ['q'])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [kept] })
})

t.test('what came into a leftover just before it was taken is kept', async (t) => {
  const root = temporaryRoot(t)
  const { context } = await root.install('q')
  const { root: path } = root.settings
  mkdirSync(`${path}/.q.install-0123456789ab/queue`, { recursive: true })
  let taking = false
  // The name is asked for between the first look and the rename, to make another like it.
  const host = {
    queue: context,
    get name() {
      if (taking) putEntry(`${path}/.q.install-0123456789ab/queue`, id)
      return 'q'
    },
  }
  const examination = { context: { ...context, host }, now: Date.now() + 1000, older: 0 }
  const limits = { maxTries: 0, ttl: 0 }
  const [found] = [...examineLeftovers({ ...examination, settled: 0, limits })]
  taking = true
  await t.rejects(async () => found?.mend?.run(), { code: 'FSQ_REPAIR' })
  const [hidden = ''] = entriesOf(path)
  t.match(hidden, /^\.q\.install-(?!0123456789ab)[0-9a-f]{12}$/)
  t.strictSame(entriesOf(`${path}/${hidden}/queue`), [id])
})

t.test('after a power cut, repair with older 0 leaves tmp/ clean', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const names = Array.from({ length: 5 }, (_, entropy) => itemName({ entropy }))
  const places = ['queue', 'done', 'fail', 'queue'] as const
  for (const [i, name] of names.entries()) {
    putEntry(paths.tmp, name)
    const place = places[i]
    if (place !== undefined) linkSync(`${paths.tmp}/${name}`, `${paths[place]}/${name}`)
  }
  t.equal((await repairAll(queue)).length, 5)
  const [a, b, c, d] = names
  t.strictSame(contentsOf(queue), { tmp: [], queue: [a, d], done: [b], fail: [c] })
  t.strictSame(await repairAll(queue), [])
})
