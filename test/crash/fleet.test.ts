import t from 'tap'
import { check, eventually, place } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'
import { openFleet, runFleet, signal, stop } from './fleet.js'
import { type FleetRecord, judgeRecords, readRecords, writeRecord } from './fleet-log.js'
import { batchProgram, enqueueProgram, producer, scanProgram, worker } from './fleet-roles.js'
import { judge, sha256, snapshot } from './oracle.js'
import { recover } from './recover.js'
import { seconds, seed } from './sample.js'

/*
 * Layer 4: what is left when processes of all kinds are killed at random moments. Which moments
 * those are FSQ_CRASH_SEED decides, as far as the machine repeats itself, and FSQ_CRASH_SECONDS for
 * how long; `npm run test:crash` takes longer.
 */
const roles = [
  producer,
  producer,
  enqueueProgram,
  batchProgram,
  worker,
  worker,
  scanProgram,
  scanProgram,
]

/** The body of an item on which work takes long, and which is done then. */
const slow = 'body 29'

for (const durability of ['full', 'enqueue', 'none'] as const) {
  t.test(
    `a fleet that is killed, at durability ${durability}, loses nothing, tears nothing and shares no item`,
    async (t) => {
      const here = await place(t)
      const env = { FSQ_DURABILITY: durability }
      const { items, violations } = await runFleet(t, here, { roles, seconds, seed, env })
      const ledger = { durability, crash: 'kill', items } as const
      t.strictSame(violations, [], 'what the workers saw')
      t.strictSame(judge(snapshot(here.queue.path), ledger), [], 'what was left')
      t.strictSame(await recover(here.queue.path, ledger), [], 'what was left after repair')
    },
  )
}

t.test('the fleet sees what it is there to see: without locks, items are shared', async (t) => {
  const here = await place(t)
  const fleet = openFleet(t, here, { FSQ_LOCK: '0', FLEET_PAUSE: '1' })
  writeRecord(fleet.log, { at: 'enqueue', sha256: sha256(slow) })
  await here.queue.enqueue(slow)
  const work = [worker, worker, scanProgram].map((role) => role(fleet))
  const kinds = (): string[] =>
    judgeRecords(readRecords(fleet.log)).violations.map(({ kind }) => kind)
  await eventually(() => kinds().includes('together'))
  t.pass('two workers had the item at the same time')
  stop(fleet)
  await Promise.all(work)
})

const stoppable = { 'a worker': worker, 'a scan with its program': scanProgram }

for (const [what, role] of Object.entries(stoppable)) {
  t.test(`${what} that is stopped keeps its item`, async (t) => {
    const here = await place(t)
    const { queue, fsq } = here
    const fleet = openFleet(t, here, { FLEET_PAUSE: '1' })
    const begins = (): FleetRecord[] => readRecords(fleet.log).filter(({ at }) => at === 'begin')
    const stopped = await queue.enqueue(slow)
    const work = role(fleet)
    await eventually(() => begins().length > 0)
    const [member] = fleet.running
    signal(-(member?.pid ?? 0), 'SIGSTOP')
    const others = [await queue.enqueue('')]
    for await (const item of queue.scan()) {
      t.equal(item.id, others[0])
      await item.done()
    }
    others.push(await queue.enqueue(''))
    check(t, await fsq(['scan', 'q', 'true']))
    t.strictSame(contentsOf(queue), { ...nothing, queue: [stopped], done: others.sort() })
    signal(-(member?.pid ?? 0), 'SIGCONT')
    await eventually(() => contentsOf(queue)['queue']?.length === 0)
    t.strictSame(contentsOf(queue), { ...nothing, done: [...others, stopped].sort() })
    t.equal(begins().length, 1, 'it was handled once')
    stop(fleet)
    await work
  })
}
