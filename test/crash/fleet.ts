import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { type Place, type Started, type StartOptions, startProgram } from '../helpers/cli.js'
import { forgetClock } from '../helpers/clock.js'
import { randomNumbers } from '../helpers/random.js'
import { type FleetHistory, judgeRecords, readRecords, writeRecord } from './fleet-log.js'

/*
 * A fleet: producers and workers, each a process, on one queue, and a killer that sends SIGKILL to
 * some of them, and SIGSTOP and SIGCONT, at moments that a seed chooses. What was killed is started
 * again under a new name, so that a record tells of one process alone.
 */

/** What a member of the fleet does: runs one process. */
export type Role = (fleet: Fleet) => Promise<void>

/** Processes that work on the queue of one place. */
export interface Fleet {
  readonly queue: Queue
  /** The file of their records. */
  readonly log: string
  /** Starts a process, with whatever it starts itself in a process group of its own. */
  readonly start: (
    kind: string,
    file: string,
    words: readonly string[],
    options?: Pick<StartOptions, 'input'>,
  ) => Member
  readonly running: ReadonlySet<Member>
  /** The variables of all processes beyond their own. */
  readonly env: Readonly<Record<string, string>>
}

/** A process of a fleet. */
export interface Member extends Started {
  /** Its name in the records. */
  readonly by: string
}

/** A fleet without a member; what runs of it when the test ends is killed. */
export function openFleet(
  t: Test,
  here: Place,
  env: Readonly<Record<string, string>> = {},
  timeout?: number,
): Fleet {
  const log = `${here.directory}/fleet.log`
  writeFileSync(log, '')
  const running = new Set<Member>()
  t.teardown(() => {
    stop({ running })
  })
  let names = 0
  const start: Fleet['start'] = (kind, file, words, options) => {
    const by = `${kind}-${++names}`
    const variables = {
      ...here.env,
      FSQ_MAX_TRIES: '99',
      FLEET_LOG: log,
      FLEET_NAME: by,
      FLEET_PAUSE: '0.1', // For how long work takes, where it takes long, in seconds.
      ...env,
    }
    const more = timeout === undefined ? {} : { timeout }
    const started = startProgram(file, words, {
      env: variables,
      detached: true,
      ...more,
      ...options,
    })
    const member = { ...started, by }
    running.add(member)
    void started.exited.then(() => {
      running.delete(member)
      forgetClock(member.pid)
    })
    return member
  }
  return { queue: here.queue, log, start, running, env }
}

/** Kills what runs of a fleet, and what that started. */
export function stop({ running }: Pick<Fleet, 'running'>): void {
  for (const { pid } of running) killAll(pid)
}

/** Kills a process and all that it started, whichever process groups that is in. */
function killAll(pid: number): void {
  const started = descendantsOf(pid)
  signal(-pid, 'SIGKILL')
  for (const each of started) signal(each, 'SIGKILL')
}

function descendantsOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const pairs = stdout.split('\n').map((line) => line.trim().split(/ +/).map(Number))
  const of = (parent: number): number[] =>
    pairs.flatMap(([child = 0, ppid]) => (ppid === parent ? [child, ...of(child)] : []))
  return of(pid)
}

export interface FleetOptions {
  readonly roles: readonly Role[]
  readonly seconds: number
  readonly seed: number
  /** More variables for every process. */
  readonly env?: Readonly<Record<string, string>>
  /** How long none is killed at most, in milliseconds. Default: 120. */
  readonly calm?: number
}

/** Lets a fleet go to work on the queue of a place, kills at random, and ends by killing all. */
export async function runFleet(t: Test, here: Place, options: FleetOptions): Promise<FleetHistory> {
  const { roles, seconds, seed, env, calm = 120 } = options
  const fleet = openFleet(t, here, env, (seconds + 60) * 1000)
  let over = false
  const isOver = (): boolean => over
  const work = roles.map(async (role) => {
    while (!isOver()) await role(fleet)
  })
  const stops = await killAtRandom(fleet, seconds, calm, randomNumbers(seed))
  over = true
  // All of them first: whoever is killed last may get what one that was killed before it had.
  for (const { by } of fleet.running) writeRecord(fleet.log, { at: 'kill', by: `${by}/` })
  stop(fleet)
  await Promise.all(work)
  const history = judgeRecords(readRecords(fleet.log))
  t.comment(`seed ${seed}: ${JSON.stringify({ ...history.counts, stops })}`)
  return history
}

/** Kills, stops and continues for so long; how often it stopped one. */
async function killAtRandom(
  { running, log }: Fleet,
  seconds: number,
  calm: number,
  random: () => number,
): Promise<number> {
  const end = performance.now() + seconds * 1000
  const continued: Promise<void>[] = []
  let stops = 0
  const isEnough = (): boolean => {
    const { finished, cut } = judgeRecords(readRecords(log)).counts
    return finished >= 20 && cut >= 2
  }
  // A busy machine may hardly have started anything by then.
  while (performance.now() < end || !isEnough()) {
    await setTimeout(random() * calm)
    const all = [...running]
    const victim = all[Math.floor(random() * all.length)]
    if (victim === undefined) continue
    const choice = random()
    if (choice < 0.25) {
      stops++
      signal(-victim.pid, 'SIGSTOP')
      continued.push(
        setTimeout(random() * 400).then(() => {
          signal(-victim.pid, 'SIGCONT')
        }),
      )
    } else if (choice < 0.4) killHandler(victim, log)
    else if (choice < 0.7) killGroup(victim, log)
    else killAlone(victim, log)
  }
  await Promise.all(continued)
  return stops
}

/** The process and, as a service manager does, the program that it runs. */
function killGroup({ by, pid }: Member, log: string): void {
  writeRecord(log, { at: 'kill', by: `${by}/` })
  killAll(pid)
}

/** The process alone: the program that it runs works on, and keeps the lock. */
function killAlone({ by, pid }: Member, log: string): void {
  writeRecord(log, { at: 'kill', by })
  signal(pid, 'SIGKILL')
}

/** The program that it runs, if it does. */
function killHandler({ by }: Member, log: string): void {
  const last = readRecords(log).findLast(
    (record) => 'by' in record && record.by.startsWith(`${by}/`),
  )
  if (last?.at !== 'begin') return
  writeRecord(log, { at: 'kill', by: last.by })
  signal(Number(last.by.slice(by.length + 1)), 'SIGKILL')
}

/** Sends a signal to a process, or by a negative id to a group; it may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // It ended by itself.
  }
}
