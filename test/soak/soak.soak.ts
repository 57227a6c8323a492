import { env } from 'node:process'
import t from 'tap'
import { runFleet } from '../crash/fleet.js'
import { batchProgram, enqueueProgram, producer, workProgram } from '../crash/fleet-roles.js'
import { judge, snapshot } from '../crash/oracle.js'
import { recover } from '../crash/recover.js'
import { place } from '../helpers/cli.js'
import { setOffset, timeIsIn, withoutFakeTime } from '../helpers/clock.js'
import { numberFrom } from '../helpers/number-from.js'
import { stepClock, takeDown, terminate } from './disturbances.js'

/*
 * A soak: four producers and four workers, on which comes down what comes down on a machine in the
 * course of years: they are killed, stopped and asked to end, the queue is taken down, and the clock
 * steps. It lasts FSQ_SOAK_SECONDS, ten minutes usually; FSQ_SOAK_SEED chooses what happens when.
 */
const seconds = numberFrom(env, 'FSQ_SOAK_SECONDS', 600)
const seed = numberFrom(env, 'FSQ_SOAK_SEED', 1)

const producers = [producer, producer, batchProgram, enqueueProgram]
const workers = [workProgram, workProgram, workProgram, workProgram]

const withoutTime = await withoutFakeTime()

t.test('nothing is lost, and nothing done twice but what was cut', async (t) => {
  const here = await place(t)
  const clock = `${here.directory}/clock`
  setOffset(clock, 0)
  if (withoutTime !== false) t.comment(`the clock does not step: ${withoutTime}`)
  const steps = withoutTime === false ? [stepClock(seed, clock)] : []
  const disturbances = [terminate(seed), takeDown(seed), ...steps]
  const { items, violations, counts } = await runFleet(t, here, {
    roles: [...producers, ...workers, ...disturbances],
    seconds,
    seed,
    calm: 1000,
    env: { FLEET_GAP: '500', ...(withoutTime === false ? timeIsIn(clock) : {}) },
  })
  const ledger = { durability: 'full', crash: 'kill', items } as const
  t.strictSame(violations, [], 'what the workers saw')
  t.strictSame(judge(snapshot(here.queue.path), ledger), [], 'what was left')
  t.strictSame(await recover(here.queue.path, ledger), [], 'what was left after repair')
  for (const what of ['kill', 'cut', 'term', 'down'] as const)
    t.ok(counts[what] > 0, `this soak has seen ${what}`)
  if (withoutTime === false) t.ok(counts.clock > 0, 'this soak has seen the clock step')
})
