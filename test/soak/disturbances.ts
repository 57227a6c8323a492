import { setTimeout } from 'node:timers/promises'
import { setOffset } from '../helpers/clock.js'
import { randomNumbers } from '../helpers/random.js'
import { type Fleet, type Member, type Role, signal } from '../crash/fleet.js'
import { writeRecord } from '../crash/fleet-log.js'

/*
 * What befalls a fleet beside being killed, each again and again for as long as it works. All of it
 * is written down, so that a soak can see that it was tried.
 */

/**
 * How fast the clock may be, in seconds: it steps back and forth, by an hour, a day and a year. It is
 * never ahead of the kernel's, which files have their ctime from: a time of finishing would be one to
 * wait for then, if the worker is killed before the item is moved.
 */
const steps = [0, -60, -2 * 60, -24 * 60, -400 * 24 * 60].map((minutes) => minutes * 60)

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

/**
 * Asks a worker to end, once: it is to let its programs finish, so that no item is cut. By a second
 * signal it would end them.
 */
export const terminate = (seed: number): Role => {
  const asked = new WeakSet<Member>()
  return after(3000, seed, ({ running, log }, random) => {
    const workers = [...running].filter((each) => each.by.startsWith('work-') && !asked.has(each))
    const chosen = workers[Math.floor(random() * workers.length)]
    if (chosen === undefined) return
    asked.add(chosen)
    writeRecord(log, { at: 'term', by: chosen.by })
    signal(chosen.pid, 'SIGTERM')
  })
}

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
