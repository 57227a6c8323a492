import type { CommandJob, Job, JobTime } from './job.js'

/** What the calendar of fspl has, in seconds, but for a few years at its ends: years -262,000 to 262,000. */
const earliest = -8_330_000_000_000n
const latest = 8_200_000_000_000n

/** fspl takes a second more, for leap seconds, and panics beyond. */
const longestSecond = 2_000_000_000

/** What execve(2) of Linux takes for one variable, with its name and the NUL at its end, in bytes. */
const longestVariable = 128 * 1024

/** What it takes for all, in bytes, with the usual limit for the stack, and with a pointer for each. */
const longestEnvironment = 2 * 1024 * 1024
const pointer = 8

/**
 * Why a job must not be in a queue though its file can be read: where it makes fspl panic, in its list of
 * the queue already, or can never be started, which stops the queue for good whatever is to happen on errors.
 *
 * @returns the reason; nothing where there is none
 */
export function whyUnsafe(job: Job): string | undefined {
  return whyNotInCalendar(job.created) ?? (job.type === 'command' ? whyNotStarted(job) : undefined)
}

function whyNotInCalendar({ seconds, nanoseconds }: JobTime): string | undefined {
  if (nanoseconds >= longestSecond) return `its time has ${nanoseconds} nanoseconds in a second`
  if (seconds < earliest || seconds > latest)
    return `its time, ${String(seconds)} s, is in no calendar`
  return undefined
}

function whyNotStarted({ parameters, environment }: CommandJob): string | undefined {
  const given = new Given()
  const whyNot = (
    what: () => string,
    length: number,
    parts: readonly Uint8Array[],
  ): string | undefined => {
    if (parts.some((bytes) => bytes.includes(0))) return `${what()} has a NUL byte`
    return length > longestVariable ? `${what()} is longer than a program can be given` : undefined
  }
  for (const [at, value] of parameters.entries()) {
    const reason = whyNot(() => `parameter ${at + 1}`, given.addParameter(value), [value])
    if (reason !== undefined) return reason
  }
  for (const pair of environment) {
    const reason = whyNot(() => `the variable ${nameOf(pair)}`, given.addVariable(pair), pair)
    if (reason !== undefined) return reason
  }
  return given.isTooMuch ? 'it has more than a program can be given' : undefined
}

function nameOf([name]: readonly [Uint8Array, Uint8Array]): string {
  return JSON.stringify(Buffer.from(name).toString().slice(0, 40))
}

/** What the command of a job is given of it, added up. */
export class Given {
  #parameters = 0
  #sum = 0

  /** Whether it is more than any program can be given. */
  get isTooMuch(): boolean {
    return this.#sum > longestEnvironment
  }

  /** Adds the next parameter; the length of its variable in bytes. */
  addParameter(value: Uint8Array): number {
    return this.#add(`FSPL_PARAM_${++this.#parameters}`.length, value)
  }

  /** Adds a variable of the sender; its length in bytes. */
  addVariable([name, value]: readonly [Uint8Array, Uint8Array]): number {
    return this.#add('FSPL_SET_'.length + name.length, value)
  }

  #add(nameLength: number, value: Uint8Array): number {
    const length = nameLength + '=\0'.length + value.length
    this.#sum += length + pointer
    return length
  }
}
