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
  const variables = [
    ...parameters.map((value, at) => ({
      what: `parameter ${at + 1}`,
      name: `FSPL_PARAM_${at + 1}`.length,
      parts: [value],
    })),
    ...environment.map((pair) => ({
      what: `the variable ${JSON.stringify(Buffer.from(pair[0]).toString().slice(0, 40))}`,
      name: 'FSPL_SET_'.length + pair[0].length,
      parts: pair,
    })),
  ]
  let sum = 0
  for (const { what, name, parts } of variables) {
    if (parts.some((bytes) => bytes.includes(0))) return `${what} has a NUL byte`
    const length = name + '=\0'.length + (parts.at(-1)?.length ?? 0)
    if (length > longestVariable) return `${what} is longer than a program can be given`
    sum += length + pointer
  }
  if (sum > longestEnvironment) return 'it has more than a program can be given'
  return undefined
}
