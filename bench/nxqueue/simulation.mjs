// Days of an archive by a clock that jumps from event to event. A pass is made whenever something happened: a job
// was submitted or ended, a drive or a server failed or came back, a tape was taken out or added.
import TinyQueue from 'tinyqueue'
import { day, hour } from './archive.mjs'
import { claimsOf } from './schedulers.mjs'

const TB = 1e12
const start = Date.UTC(2026, 0, 1)
const kinds = ['archive', 'restore', 'format', 'other']

/** In seconds; what drives of these types do, by their makers, in bytes a second. */
const times = { load: 90, unload: 60, position: 60, check: 300, takeOut: hour / 2 }
const rates = { 'LTO-7': 300e6, 'LTO-8': 360e6 }

/** What became of the jobs, and of the drives. */
export function simulate({ inventory, jobs, mishaps }, schedule, { days }) {
  const events = new TinyQueue([], (a, b) => a.date - b.date || a.order - b.order)
  const drives = new Map(inventory.drives.map((drive) => [drive.name, drive]))
  const volumes = new Map(inventory.volumes.map((volume) => [volume.name, volume]))
  const servers = new Map(
    inventory.servers.map(({ name }) => [name, { present: true, disabled: false, kinds }]),
  )
  const uses = new Map() // What is known of a volume now.
  const running = new Map() // By item.
  const results = new Map() // By item: when each was launched first, and ended.
  const sums = { inUse: 0, moving: 0, mounts: 0, passes: 0, cost: 0, mostWaiting: 0, added: 0 }
  let ready = [] // The oldest first.
  let order = 0
  let now = 0

  const at = (date, happen) => events.push({ date, happen, order: order++ })
  for (const job of jobs) at(job.date, () => submit(job))
  for (const { what, name, date, back } of mishaps) {
    at(date, () => (what === 'drive' ? breakDrive(name) : loseServer(name)))
    at(back, () => (what === 'drive' ? repairDrive(name) : findServer(name)))
  }
  at(hour, addTapes)

  while (events.length > 0) {
    now = events.peek().date
    while (events.peek()?.date === now) events.pop().happen()
    pass()
  }
  return { ...sums, results, left: ready.length }

  function submit(job) {
    const item = String(job.number).padStart(6, '0')
    results.set(item, { job })
    const { kind, priority, group, volume, media, bytes } = job
    const common = { item, jobID: item, submitted: start + job.date * 1000 }
    const spec = { kind, priority, group, volume, media, bytes, server: undefined, after: [] }
    ready.push({ ...common, ...spec })
  }

  function pass() {
    const begin = performance.now()
    const current = {
      ...inventory,
      drives: [...drives.values()],
      volumes: [...volumes.values()],
    }
    const claims = [...running.values()].flatMap((each) => each.claims)
    const state = { claims, servers, volumes: uses, ended: new Map(), launched: new Set() }
    const { launches } = schedule(ready, current, state, start + now * 1000)
    sums.passes++
    for (const launch of launches) begun(launch)
    if (launches.length > 0) ready = ready.filter(({ item }) => !running.has(item))
    sums.cost += performance.now() - begin
    sums.mostWaiting = Math.max(sums.mostWaiting, ready.length)
  }

  function begun(launch) {
    const { job, drive } = launch
    const result = results.get(job.item)
    result.launched ??= now
    const moving = drive === undefined ? 0 : job.bytes / rates[drives.get(drive).type]
    const whole = Math.ceil(drive === undefined ? times.check : mount(launch) + moving)
    const run = { launch, begin: now, moving, claims: claimsOf(launch) }
    running.set(job.item, run)
    at(now + whole, () => {
      if (running.get(job.item) === run) ended(run)
    })
  }

  /** How long it takes until the tape is where it has to be. */
  function mount({ job, volume, drive }) {
    const where = uses.get(volume)?.mounted
    const position = job.kind === 'restore' ? times.position : 0
    if (where === drive) return position
    const other = [...uses].find(([, { mounted }]) => mounted === drive)?.[0]
    if (other !== undefined) putMounted(other, undefined)
    putMounted(volume, drive)
    sums.mounts++
    const unloads = (where === undefined ? 0 : 1) + (other === undefined ? 0 : 1)
    return unloads * times.unload + times.load + position
  }

  function putMounted(name, mounted) {
    uses.set(name, { used: uses.get(name)?.used ?? volumes.get(name).used, mounted })
  }

  function ended(run) {
    const { job, volume } = run.launch
    stop(run)
    results.get(job.item).ended = now
    const use = uses.get(volume)
    if (job.kind === 'archive') uses.set(volume, { ...use, used: use.used + job.bytes })
    if (now < days * day) sums.moving += run.moving
  }

  function stop(run) {
    running.delete(run.launch.job.item)
    const end = Math.min(now, days * day)
    if (run.launch.drive !== undefined) sums.inUse += Math.max(0, end - run.begin)
  }

  /** It begins anew, with the age that it has. */
  function putBack(run) {
    stop(run)
    ready.push(run.launch.job)
    ready.sort((a, b) => (a.item < b.item ? -1 : 1))
  }

  function breakDrive(name) {
    drives.set(name, { ...drives.get(name), enabled: false })
    for (const run of running.values()) if (run.launch.drive === name) putBack(run)
    at(now + times.takeOut, () => {
      for (const [volume, { mounted }] of uses) if (mounted === name) putMounted(volume, undefined)
    })
  }

  function repairDrive(name) {
    drives.set(name, { ...drives.get(name), enabled: true })
  }

  /** What runs there keeps what it has until somebody has seen to it, when the server is back. */
  function loseServer(name) {
    servers.set(name, { ...servers.get(name), present: false })
    for (const [item, run] of running) {
      if (run.launch.server === name) running.set(item, { ...run, isLost: true })
    }
  }

  function findServer(name) {
    servers.set(name, { ...servers.get(name), present: true })
    for (const run of running.values()) {
      if (run.launch.server === name && run.isLost) putBack(run)
    }
  }

  /** To each group in which no tape has room for a large job any more, an operator adds one. */
  function addTapes() {
    if (now < days * day || ready.length + running.size > 0) at(now + hour, addTapes)
    for (const { name: group } of inventory.groups) {
      const rooms = [...volumes.values()]
        .filter((each) => each.group === group && each.state === 1 && each.generation === 8)
        .map(({ name, capacity, used }) => capacity - (uses.get(name)?.used ?? used))
      if (Math.max(...rooms) > 5 * TB) continue
      const [like] = volumes.values()
      const name = `added${++sums.added}`
      const changer = `changer${(sums.added % 3) + 1}`
      const of = { name, group, changer, state: 1, generation: 8, used: 0, mounted: undefined }
      volumes.set(name, { ...like, ...of, slot: undefined })
    }
  }
}
