import { setTimeout } from 'node:timers/promises'
import { setOffset } from '../helpers/clock.js'
import { randomNumbers } from '../helpers/random.js'
import { type Fleet, type Role, signal } from '../crash/fleet.js'
import { writeRecord } from '../crash/fleet-log.js'

/*
 * What befalls a fleet beside being killed, each again and again for as long as it works. All of it
 * is written down, so that a soak can see that it was tried.
 */

const minute = 60

/** How fast the clock may be, in seconds: as it should, stepped back and forth, a day and years. */
const steps = [0, -60 * minute, 60 * minute, 0, -24 * 60 * minute, 400 * 24 * 60 * minute]

/** A disturbance that comes after up to so many milliseconds. */
function after(
  calm: number,
  seed: number,
  act: (fleet: Fleet, random: () => number) => Promise<void> | void,
): Role {
  const random = randomNumbers(seed)
  return async (fleet) => {
    await setTimeout(random() * calm)
    await act(fleet, random)
  }
}

/** Asks a worker to end. A scan does not wait for its program then, but passes that on to it. */
export const terminate = (seed: number): Role =>
  after(3000, seed, ({ running, log }, random) => {
    const workers = [...running].filter(({ by }) => by.startsWith('scan-'))
    const chosen = workers[Math.floor(random() * workers.length)]
    if (chosen === undefined) return
    writeRecord(log, { at: 'term', by: chosen.by })
    writeRecord(log, { at: 'kill', by: `${chosen.by}/` })
    signal(chosen.pid, 'SIGTERM')
  })

/** Takes the queue down for a while. */
export const takeDown = (seed: number): Role =>
  after(8000, seed, async ({ queue, log }, random) => {
    writeRecord(log, { at: 'down', by: 'an operator' })
    await queue.down()
    await setTimeout(random() * 1500)
    await queue.up()
  })

/** Steps the clock of all processes, which they look up in a file. */
export const stepClock = (seed: number, file: string): Role =>
  after(5000, seed, ({ log }, random) => {
    writeRecord(log, { at: 'clock', by: 'an operator' })
    setOffset(file, steps[Math.floor(random() * steps.length)] ?? 0)
  })
