import type {
  ClusterStatus,
  DryRun,
  Explanation,
  Launch,
  LaunchedJob,
  ReadyJob,
  Reason,
  Run,
  WaitingJob,
} from '../adapters/nxqueue/index.js'
import { byteText } from '../adapters/nxqueue/planner/byte-text.js'
import { tableLines } from './columns.js'
import { volumeStates } from './inventory-text.js'
import { jsonLine, plainText } from './output.js'
import { age } from './stat-text.js'
import { formatTime, type TimeFormat } from './times.js'

const times: readonly string[] = ['submitted', 'notBefore', 'launched', 'began', 'at']

/** What a command prints with --json: times as texts, and errors as their codes and messages. */
export function nxqueueJson(value: object, { utc }: TimeFormat = {}): string {
  const text = JSON.stringify(value, (key, member: unknown) => {
    if (typeof member === 'number' && times.includes(key))
      return formatTime(new Date(member), { utc, milliseconds: true })
    if (member instanceof Error) return { message: member.message }
    return member
  })
  return jsonLine(JSON.parse(text) as object)
}

/** How a cluster stands: its servers, its drives, and its jobs. */
export function* statusLines(
  status: ClusterStatus,
  flags: TimeFormat & { readonly volumes?: true | undefined },
  now = Date.now(),
): Generator<string> {
  const { servers, drives, volumes, launched, waiting, bad, inventory } = status
  if (status.isDown) yield 'The queue is down: nothing is launched.'
  if (inventory.refused !== undefined) yield plainText(`inventory refused: ${inventory.refused}`)
  yield* tableLines(columnsOf('SERVER', 'STATE', 'JOBS>', 'SLOTS>', 'KINDS'), () =>
    servers.map(({ name, state, isMaster, jobs, slots, kinds }) => {
      const role = isMaster ? `${state}, master` : state
      return [name, role, `${jobs}`, `${slots}`, kinds.join(' ')].map(plainText)
    }),
  )
  yield ''
  yield* tableLines(columnsOf('DRIVE', 'TYPE', 'CHANGER', 'STATE', 'VOLUME', 'JOB'), () =>
    drives.map(({ name, type, changer, enabled, volume = '-', jobID }) => {
      const state = enabled ? (jobID === undefined ? 'idle' : 'in use') : 'disabled'
      return [name, type, changer, state, volume, jobID ?? '-'].map(plainText)
    }),
  )
  if (flags.volumes === true) {
    if (drives.length > 0) yield ''
    yield* tableLines(
      columnsOf('VOLUME', 'STATE', 'GROUP', 'USED>', 'FREE>', 'DRIVE', 'JOBS'),
      () =>
        volumes.map(({ name, state, group, capacity, used, reserved, drive, jobIDs }) => {
          const free = Math.max(0, capacity - used - reserved)
          const cells = [name, volumeStates[state], group ?? '-', byteText(used), byteText(free)]
          return [...cells, drive ?? '-', jobIDs.join(' ') || '-'].map(plainText)
        }),
    )
  }
  if (launched.length > 0) {
    yield ''
    yield* launchedLines(launched, now)
  }
  if (waiting.length > 0) {
    yield ''
    yield* waitingLines(waiting, now)
  }
  for (const { item, error } of bad) yield plainText(`${item}: ${error.message}`)
  if (!status.isComplete) yield incompleteText
}

/** For whoever looks at a machine that is not that of the master. */
const incompleteText = 'Jobs that wait on other machines are listed where the master is.'

function* launchedLines(launched: readonly LaunchedJob[], now: number): Generator<string> {
  const columns = columnsOf('JOB', 'STATE', 'SINCE>', 'SERVER', 'VOLUME', 'DRIVE')
  yield* tableLines(columns, () =>
    launched.map(({ jobID, state, launched: at, run, server, volume = '-', drive = '-' }) => {
      const since = age(Math.max(0, now - (run?.began ?? at)) / 1000)
      return [jobID, state, since, server, volume, drive].map(plainText)
    }),
  )
}

/** So many jobs that wait are shown; the rest is counted. */
const mostShown = 50

function* waitingLines(waiting: readonly WaitingJob[], now: number): Generator<string> {
  const shown = waiting.slice(0, mostShown)
  yield* tableLines(columnsOf('JOB', 'KIND', 'PRIO>', 'AGE>', 'WAITS FOR'), () =>
    shown.map(({ job: { jobID, kind, priority, submitted }, reasons }) => {
      const why = [...new Set(reasons.map(({ code }) => code))].join(' ')
      const since = age(Math.max(0, now - submitted) / 1000)
      return [jobID, kind, `${priority}`, since, why || 'the next pass'].map(plainText)
    }),
  )
  if (waiting.length > mostShown) yield `and ${waiting.length - mostShown} more`
}

/** What is, or would be, launched, and why the rest waits. */
export function* launchLines({ launches, waiting, bad, isComplete }: DryRun): Generator<string> {
  for (const launch of launches) yield plainText(launchText(launch))
  for (const { job, reasons } of waiting) {
    if (reasons.length === 0) continue
    yield plainText(`${job.jobID} waits: ${reasons.map(({ code }) => code).join(' ')}`)
  }
  for (const { item, error } of bad) yield plainText(`${item}: ${error.message}`)
  if (!isComplete) yield incompleteText
}

function launchText({ job, server, volume, drive }: Launch): string {
  const on = volume === undefined ? '' : `, volume ${volume}`
  return `${job.jobID} to ${server}${on}${drive === undefined ? '' : `, drive ${drive}`}`
}

/** All that keeps a job from running, a line each; or where it is. */
export function* explanationLines(explanation: Explanation, format: TimeFormat): Generator<string> {
  switch (explanation.state) {
    case 'ready': {
      const { job, reasons, launch, why, isAway } = explanation
      const since = formatTime(new Date(job.submitted), format)
      yield plainText(
        `${job.jobID}: ready since ${since}, to ${job.kind}, priority ${job.priority}`,
      )
      const wanted = wants(job)
      if (wanted !== '') yield plainText(`  wants ${wanted}`)
      if (why !== undefined) yield plainText(`  failed before: ${why}`)
      if (isAway === true) yield '  it is carried to the machine of the master first'
      if (launch !== undefined)
        yield plainText(`  the next pass launches it: ${launchText(launch)}`)
      for (const reason of reasons) yield plainText(`  ${reasonText(reason, job, format)}`)
      break
    }
    case 'bad':
      yield plainText(`${explanation.item}: ${explanation.error.message}`)
      break
    case 'launched':
    case 'running':
    case 'held': {
      const { jobID, state, server, volume, drive, launched, run } = explanation
      const at = formatTime(new Date(run?.began ?? launched), format)
      const what = state === 'held' ? heldText : state === 'launched' ? 'launched' : 'running'
      yield plainText(`${jobID}: ${what}, on ${server}, since ${at}`)
      if (volume !== undefined) yield plainText(`  volume ${volume}`)
      if (drive !== undefined) yield plainText(`  drive ${drive}`)
      if (state === 'held' && run !== undefined) yield plainText(`  ${processText(run)}`)
      if (state === 'held')
        yield plainText(`  "fsq nxqueue release ${jobID}" once it is certain that it does not run`)
      break
    }
    case 'elsewhere': {
      const { jobID, master, cancel, isCut, why } = explanation
      const where =
        master === undefined
          ? 'on its way between machines, or on one that does not serve'
          : `waits on the machine of the master, ${master}, or is on its way`
      yield plainText(`${jobID}: ${where}`)
      if (why !== undefined) yield plainText(`  failed before: ${why}`)
      if (cancel === true) yield '  it was cancelled, and ends there'
      if (isCut === true)
        yield '  its submission may have been cut: submit it again on the machine where that was'
      break
    }
    default: {
      const { jobID, state, server, at, why } = explanation
      const on = server === undefined ? '' : ` on ${server}`
      const when = at === undefined ? '' : ` at ${formatTime(new Date(at), format)}`
      yield plainText(
        `${jobID}: ${state === 'returning' ? 'on its way back to the queue' : state}${on}${when}`,
      )
      if (why !== undefined) yield plainText(`  ${why}`)
    }
  }
}

const heldText = 'held: it was running when its server went away'

/** What a job asked for when it was submitted; empty if it will do with anything. */
function wants({ group, volume, media, bytes, server, after }: ReadyJob): string {
  const named = Object.entries({ group, volume, media, server }).flatMap(([what, name]) =>
    name === undefined ? [] : [`${what} ${name}`],
  )
  if (bytes > 0) named.push(`room for ${byteText(bytes)}`)
  if (after.length > 0) named.push(`to run after ${after.join(' ')}`)
  return named.join(', ')
}

function reasonText({ code, text, isForPerson }: Reason, job: ReadyJob, format: TimeFormat) {
  // The planner knows no time zone.
  const told =
    code === 'WaitTime' && job.notBefore !== undefined
      ? `It is to wait until ${formatTime(new Date(job.notBefore), format)}.`
      : text
  return `${code}${isForPerson ? ' (for a person)' : ''}: ${told}`
}

/** Who is to be looked for before a job is released. */
function processText({ service, program }: Run): string {
  if (program === undefined) return `its server was process ${service.pid}`
  return `its program was process ${program.pid}, its server process ${service.pid}`
}

/** Columns by their headings; those that end in `>` stand at the right. */
function columnsOf(...headings: readonly string[]): { heading: string; right: boolean }[] {
  return headings.map((heading) => ({
    heading: heading.replace(/>$/, ''),
    right: heading.endsWith('>'),
  }))
}
