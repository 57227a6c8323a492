import type { Job, JobTime } from './job.js'

/** A variable of the environment: its name and its value, as bytes. */
export type Variable = readonly [name: Buffer, value: Buffer]

/** Where a job lies, for the variables that tell of it. */
export interface JobPlace {
  /** The directory of the queue, as it was named. */
  readonly directory: string
  /** The name of the file, as a byte string. */
  readonly entry: string
}

/**
 * The variables that a job's command gets, in the order in which fspl(1) prints them: the number and the
 * time, where the job lies unless it came through a pipe, the parameters, and what the sender set. The
 * names that a sender chooses stand behind `FSPL_SET_`, so that no job can set PATH.
 */
export function jobVariables(job: Job, place?: JobPlace): Variable[] {
  const { sequence, created } = job
  const variables: Variable[] = [
    variable('FSPL_SEQ', String(sequence)),
    variable('FSPL_CTIME_SECS', String(created.seconds)),
    variable('FSPL_CTIME_NANOS', String(created.nanoseconds)),
    variable('FSPL_CTIME_RFC3339_UTC', utcTime(created)),
    variable('FSPL_CTIME_RFC3339_LOCAL', localTime(created)),
  ]
  if (place !== undefined) {
    const name = Buffer.from(place.entry, 'latin1')
    variables.push(
      [Buffer.from('FSPL_JOB_FILENAME'), name],
      variable('FSPL_JOB_QUEUEDIR', place.directory),
      [
        Buffer.from('FSPL_JOB_FULLPATH'),
        Buffer.concat([Buffer.from(`${place.directory}/jobs/`), name]),
      ],
    )
  }
  if (job.type !== 'command') return variables
  job.parameters.forEach((value, index) => {
    variables.push([Buffer.from(`FSPL_PARAM_${index + 1}`), Buffer.from(value)])
  })
  for (const [name, value] of job.environment)
    variables.push([Buffer.concat([Buffer.from('FSPL_SET_'), name]), Buffer.from(value)])
  return variables
}

function variable(name: string, value: string): Variable {
  return [Buffer.from(name), Buffer.from(value)]
}

/** The time to the second, as RFC 3339 has it, in UTC. */
export function utcTime(time: JobTime): string {
  return `${withoutZone(dateOf(time))}Z`
}

/** The time to the second, as RFC 3339 has it, in the zone of this machine. */
export function localTime(time: JobTime): string {
  const date = dateOf(time)
  const offset = -date.getTimezoneOffset()
  const minutes = Math.abs(offset)
  const zone = `${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`
  return withoutZone(new Date(date.getTime() + offset * 60_000)) + zone
}

/** To the second; one and more in the nanoseconds counts, as a leap second does. */
function dateOf({ seconds, nanoseconds }: JobTime): Date {
  return new Date((Number(seconds) + Math.floor(nanoseconds / 1e9)) * 1000)
}

function withoutZone(date: Date): string {
  // Years of more than four digits have a sign and five digits there, six here.
  return date
    .toISOString()
    .replace(/^([+-])0(?=\d{5}-)/, '$1')
    .replace(/^-0(?=\d{4}-)/, '-')
    .replace(/\.\d+Z$/, '')
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}
