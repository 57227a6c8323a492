import { randomBytes } from 'node:crypto'
import { localStamp } from './local-stamp.js'

/** The types of jobs, each of which some program of the cluster makes or does. */
export const jobTypes = ['upload', 'store', 'replicate', 'remove'] as const

/** A type of jobs. */
export type JobType = (typeof jobTypes)[number]

/** A processor: what does jobs. */
export type Processor = 'store' | 'replicate' | 'remove'

/** The beginnings of file names that a processor takes without a `.q` at the end, too. */
const prefixes: Readonly<Record<Processor, readonly string[]>> = {
  store: ['store-', 'uploads-'],
  replicate: ['replicate-', 'replicator-'],
  remove: ['remove-'],
}

/** Whether a file in `.queue` is a queue file; for a processor, whether it is one that it takes. */
export function isQueueFileName(name: string, processor?: Processor): boolean {
  if (name.startsWith('.')) return false
  const processors = processor === undefined ? (Object.keys(prefixes) as Processor[]) : [processor]
  return (
    name.endsWith('.q') ||
    processors.some((each) => prefixes[each].some((it) => name.startsWith(it)))
  )
}

/**
 * When a queue file was made, as its name says, in local time: `031231-235959`, `20031231-235959` or
 * `20031231235959`. Undefined where it does not say, or no such time is there.
 */
export function dateInName(name: string): Date | undefined {
  const [, day = '', time = ''] = /(?<!\d)(\d{8}|\d{6}(?=-))-?(\d{6})(?!\d)/.exec(name) ?? []
  if (day === '') return undefined
  const [year, month, date] = [day.slice(0, -4), day.slice(-4, -2), day.slice(-2)].map(Number)
  const [hours, minutes, seconds] = [time.slice(0, 2), time.slice(2, 4), time.slice(4)].map(Number)
  const full = day.length === 8 ? (year ?? 0) : 2000 + (year ?? 0)
  const found = new Date(full, (month ?? 0) - 1, date, hours, minutes, seconds)
  // 030230 is no day; Date would take it for a later one.
  return localStamp(found).replace('-', '') === `${day.slice(-6)}${time}` ? found : undefined
}

/** A new name for a queue file of that time: `store-031231-235959-c0de.q`. */
export function makeQueueFileName(prefix: string, date: Date): string {
  return `${prefix}-${localStamp(date)}-${randomBytes(2).toString('hex')}.q`
}
