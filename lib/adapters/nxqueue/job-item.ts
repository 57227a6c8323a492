import { randomBytes } from 'node:crypto'
import { FsqError } from '../../errors.js'
import { checkMembers } from '../../members.js'
import type { Item } from '../../queue/item.js'
import { type JobKind, jobKinds, type JobSpec } from './job.js'

/*
 * A job as a work-item: what is short, and worth seeing with ls(1), is in the arguments, jobID, kind,
 * priority, group, volume and media, each empty where it does not apply; the rest is a JSON object in the
 * body. Jobs come from anybody who may enqueue, so nothing of them is taken as it is.
 */

/** A job that is to be submitted. */
export interface NewJob {
  /** What it does. */
  readonly kind: JobKind
  /** Tells it from all other jobs: letters, digits, and `-`, `_`, `.` between them. @defaultValue a new one */
  readonly jobID?: string | undefined
  /** The higher, the sooner: 0 to 9. @defaultValue 5 */
  readonly priority?: number | undefined
  /** Any volume of this group will do; for archive. */
  readonly group?: string | undefined
  /** It has to be this volume; restore and format need one. */
  readonly volume?: string | undefined
  /** The type of drive that it has to be, such as `LTO-6`; `disk`: a volume that needs no drive. */
  readonly media?: string | undefined
  /** How much it writes, in bytes. @defaultValue 0 */
  readonly bytes?: number | undefined
  /** The server that has to execute it. @defaultValue any that can */
  readonly server?: string | undefined
  /** The jobIDs of those that have to be completed before. @defaultValue none */
  readonly after?: readonly string[] | undefined
  /** What is for the program alone: any JSON. */
  readonly details?: unknown
}

/** A job as its work-item has it. */
export interface Job extends JobSpec {
  /** What is for the program alone; undefined where there is nothing. */
  readonly details: unknown
}

const members: ReadonlySet<string> = new Set<keyof NewJob>([
  'kind',
  'jobID',
  'priority',
  'group',
  'volume',
  'media',
  'bytes',
  'server',
  'after',
  'details',
])

/** The largest body of a job, in bytes. */
const longestBody = 1024 * 1024

const defaultPriority = 5

/**
 * The job with all that was left out.
 *
 * @throws `FsqError` `FSQ_NXQUEUE_JOB`; `TypeError` for a member that there is not.
 */
export function completeJob(job: NewJob): Job {
  checkMembers('a member of a job', job, members)
  return checked({
    ...{ kind: job.kind, priority: job.priority ?? defaultPriority, bytes: job.bytes ?? 0 },
    ...{ jobID: job.jobID ?? newJobID(job.kind), after: [...(job.after ?? [])] },
    ...{ group: job.group, volume: job.volume, media: job.media, server: job.server },
    details: job.details,
  })
}

/** The arguments of its work-item. */
export function argumentsOf({ jobID, kind, priority, group, volume, media }: Job): string[] {
  return [jobID, kind, String(priority), group ?? '', volume ?? '', media ?? '']
}

/** The body of its work-item. */
export function bodyOf({ bytes, server, after, details }: Job): string {
  return `${JSON.stringify({ bytes, server, after, details })}\n`
}

/**
 * The job that a work-item is; a body that is empty says nothing, as of one that was enqueued by hand.
 *
 * @throws `FsqError` `FSQ_NXQUEUE_JOB`
 */
export function parseJob(args: readonly string[], body: string): Job {
  const [jobID = '', kind = '', priority = '', group, volume, media] = args
  if (args.length > 6)
    throw wrong(`it has ${args.length} arguments, and a job has six at most: ${argumentNames}`)
  const { bytes = 0, server, after = [], details } = parsedBody(body)
  return checked({
    ...{ jobID, kind, group: given(group), volume: given(volume), media: given(media) },
    ...{ priority: priority === '' ? defaultPriority : Number(priority), bytes, server, after },
    details,
  })
}

/**
 * {@link parseJob} of an item.
 *
 * @throws `FsqError` `FSQ_NXQUEUE_JOB`; `FSQ_BODY`, `FSQ_COERCE`
 */
export async function jobOf(item: Item): Promise<Job> {
  const { size } = item
  if (size > longestBody)
    throw wrong(`its body has ${size} bytes, and ${longestBody} at most are read`)
  return parseJob(item.arguments, await item.text())
}

const argumentNames = 'jobID, kind, priority, group, volume, media'

function given(argument: string | undefined): string | undefined {
  return argument === '' ? undefined : argument
}

function parsedBody(body: string): Record<string, unknown> {
  if (body.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw wrong(`its body is not JSON`, cause)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw wrong('its body is JSON, but not an object')
}

/** So many jobs can be named to come before one: each is looked up in every pass. */
const mostBefore = 1000

/** What may be a job, whose members have any type. */
type Unchecked = { readonly [Member in keyof Job]: unknown }

function checked(job: Unchecked): Job {
  const { jobID, kind, priority, bytes, after, group, volume, media, server, details } = job
  if (!isName(jobID)) throw wrong(`its jobID is ${shown(jobID)}; ${nameRule}`)
  if (!isKind(kind)) throw wrong(`its kind is ${shown(kind)}; there are ${jobKinds.join(', ')}`)
  if (!isWhole(priority) || priority > 9)
    throw wrong(`its priority is ${shown(priority)}, and not a whole number from 0 to 9`)
  if (!isWhole(bytes)) throw wrong(`its bytes are ${shown(bytes)}, and not a whole number from 0`)
  if (!Array.isArray(after) || !after.every(isName))
    throw wrong(`what it comes after is ${shown(after)}, and not a list of jobIDs`)
  if (after.length > mostBefore)
    throw wrong(`it comes after ${after.length} jobs, and ${mostBefore} at most can be named`)
  if (after.includes(jobID)) throw wrong(`it comes after itself`)
  const names = { group, volume, media, server }
  for (const [member, name] of Object.entries(names))
    if (name !== undefined && !isName(name))
      throw wrong(`its ${member} is ${shown(name)}; ${nameRule}`)
  const spec = { jobID, kind, priority, bytes, after, details, ...(names as Names) }
  checkNeeds(spec)
  return spec
}

type Names = Pick<JobSpec, 'group' | 'volume' | 'media' | 'server'>

function checkNeeds({ kind, volume, group }: Job): void {
  if ((kind === 'restore' || kind === 'format') && volume === undefined)
    throw wrong(`it is to ${kind}, and names no volume`)
  if (kind === 'archive' && volume === undefined && group === undefined)
    throw wrong('it is to archive, and names neither a volume nor a group')
}

const nameRule = 'a name has letters, digits, "-", "_", and "." between them, 100 at most'

/** Whether that can be a jobID, or the name of what a job needs. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100 && /^[\w-]+(\.[\w-]+)*$/.test(value)
}

function isKind(value: unknown): value is JobKind {
  return jobKinds.some((kind) => kind === value)
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function shown(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function wrong(what: string, cause?: unknown): FsqError {
  return new FsqError('FSQ_NXQUEUE_JOB', `not a job: ${what}`, { cause })
}

/** Short enough to be typed, and not taken: 50 bits of randomness. */
function newJobID(kind: unknown): string {
  const digits = randomBytes(8).readBigUInt64BE().toString(36).padStart(13, '0').slice(-10)
  return `${String(kind)}-${digits}`
}
