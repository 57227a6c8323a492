import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { removeSync } from 'fs-extra/esm'
import { errorCodes } from '../../lib/errors.js'
import { entriesOf } from '../../lib/queue/key.js'
import type { ScanEvent } from '../../lib/queue/scan-events.js'
import { openRoot } from '../../lib/root/root.js'
import { keysOf } from '../../lib/upkeep/keys.js'
import { startProgram } from '../helpers/cli.js'
import { numbersIn } from '../helpers/ordered.js'
import { itemsOf, readEvents } from './ledger.js'
import { judge, type Ledger, sha256, snapshot, type ViolationKind } from './oracle.js'
import { recover } from './recover.js'
import { type Call, readTrace, startTraced } from './strace.js'

/*
 * The sweep over system calls. An operation (operate.mjs) runs once under strace, which shows its
 * calls between its two marks. Then it runs again for each of them, and each time the program is
 * killed before that call, or the call is made to fail or to write less than it should.
 *
 * strace counts calls by name and by thread from the start of the program. The counts repeat, since
 * the thread pool has one thread; that the right call was hit is seen in the trace of each run.
 */

export const operate = fileURLToPath(new URL('operate.mjs', import.meta.url))

/** What a kernel may answer to any call, on a bad day. */
export const errnos = ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'EACCES', 'EMLINK'] as const

type Effect =
  | { readonly kind: 'kill' }
  | { readonly kind: 'error'; readonly errno: (typeof errnos)[number] }
  | { readonly kind: 'short write'; readonly written: number }

/** One call of an operation, and what happens instead of it. */
export interface Injection {
  readonly effect: Effect
  readonly name: string
  /** Whether the main thread makes the call, or that of the pool. */
  readonly isMain: boolean
  /** Which of that thread's calls to the queue it is. */
  readonly at: number
  /** The how-manieth call of that name it is in that thread, as strace counts. */
  readonly when: number
  readonly title: string
}

/** What is wrong: with what was left, or with how the operation failed. */
export interface Finding {
  readonly kind:
    | ViolationKind
    | 'leftover' // E: something is left of an operation that failed
    | 'unstable code' // E: an error that is none of docs/errors.md
    | 'stuck' // E: the retry of an operation that failed fails too
    | 'synced again' // a failed fsync was tried again on that descriptor
    | 'lost bytes' // after a short write, something else than the rest was written
    | 'key' // an item is not there once, after an enqueue under its key
    | 'order' // an item has no number, or another's, or is worked on out of turn, or never
    | 'half' // install or uninstall left something between a queue and none
  readonly detail: string
}

/** Where the runs of an operation take place. */
export interface Stage {
  readonly operation: string
  readonly directory: string
  readonly calls: readonly Call[]
}

/** A directory for many short-lived files: in memory, where the system has such a place. */
export function scratchDirectory(): string {
  const memory = '/dev/shm'
  return mkdtempSync(`${existsSync(memory) ? memory : tmpdir()}/fsq-`)
}

/** Sets an operation up, to be run in copies of this place. */
export async function setUp(operation: string, directory: string): Promise<void> {
  mkdirSync(`${directory}/template/root`, { recursive: true })
  const words = [operate, operation, 'set-up', `${directory}/template`]
  const { status, stderr } = await startProgram(process.execPath, words).ended
  if (status !== 0) throw new Error(`cannot set up ${operation}: ${stderr}`)
}

/** Sets an operation up, and runs it once undisturbed. */
export async function prepare(operation: string, directory: string): Promise<Stage> {
  await setUp(operation, directory)
  const place = copyOf(directory)
  const log = `${place}/trace`
  const command = [process.execPath, operate, operation, 'act', place]
  const { status, stderr } = await startTraced(log, command).ended
  if (status !== 0) throw new Error(`cannot run ${operation}: ${stderr}`)
  return { operation, directory, calls: readTrace(log) }
}

/** A new place like that in which the operation was set up. */
export function copyOf(directory: string): string {
  const place = mkdtempSync(`${directory}/run-`)
  execFileSync('cp', ['-a', `${directory}/template/.`, place]) // With its hard links.
  return place
}

/** The calls between the marks that have to do with a queue, those of the main thread or the others. */
function ownCalls(calls: readonly Call[], isMain: boolean): Call[] {
  const main = calls[0]?.thread
  const marks = calls.flatMap((call, at) =>
    call.arguments[1]?.startsWith('/fsq-crash-test/') === true ? [at] : [],
  )
  return calls
    .slice((marks[0] ?? calls.length) + 1, marks[1])
    .filter((call) => (call.thread === main) === isMain && isOwn(call))
}

function isOwn({ arguments: words, result }: Call): boolean {
  return [...words, result].some(
    (word) => /\/run-[^/]*\/root/.test(word) || word.startsWith('/proc/self/fd/'),
  )
}

/** Everything that can be done to an operation. */
export function injectionsOf({ calls }: Stage): Injection[] {
  const hasPoolWrites = ownCalls(calls, false).some(isWrite)
  return [true, false].flatMap((isMain) =>
    ownCalls(calls, isMain).flatMap((call, at) => {
      const { name } = call
      // Those of the pool cannot be told from the writes by which it wakes the main thread.
      if (!isMain && isWrite(call)) return []
      const when = countOf(call, calls)
      if (!isMain && when <= mainCount(name, calls))
        throw new Error(`the main thread is hit by ${name} too`)
      return effectsOn(call, !hasPoolWrites).map((effect): Injection => {
        const title = `${titleOf(effect)} at ${isMain ? '' : 'pool '}call ${at}, ${name}`
        return { effect, name, isMain, at, when, title }
      })
    }),
  )
}

/** The how-manieth call of its name it is in its thread. */
function countOf({ name, thread, began }: Call, calls: readonly Call[]): number {
  return calls.filter(
    (other) => other.name === name && other.thread === thread && other.began <= began,
  ).length
}

function mainCount(name: string, calls: readonly Call[]): number {
  return calls.filter((call) => call.name === name && call.thread === calls[0]?.thread).length
}

function isWrite({ name }: Call): boolean {
  return name === 'write' || name === 'pwrite64'
}

/** In part is written only where all writes of the body can be seen, to tell what should be in it. */
function effectsOn(call: Call, seesWrites: boolean): Effect[] {
  const third = Math.floor((call.arguments[1]?.length ?? 0) / 3)
  const written = isWrite(call) ? (seesWrites ? [0, third] : [0]) : []
  return [
    { kind: 'kill' },
    ...errnos.map((errno): Effect => ({ kind: 'error', errno })),
    ...written.map((written): Effect => ({ kind: 'short write', written })),
  ]
}

function titleOf(effect: Effect): string {
  switch (effect.kind) {
    case 'kill':
      return 'killed'
    case 'error':
      return effect.errno
    case 'short write':
      return `${effect.written} bytes written`
  }
}

function optionOf({ effect, name, when }: Injection): string {
  switch (effect.kind) {
    case 'kill':
      return `inject=${name}:signal=KILL:when=${when}`
    case 'error':
      return `inject=${name}:error=${effect.errno}:when=${when}`
    case 'short write':
      return `inject=${name}:retval=${effect.written}:when=${when}`
  }
}

/**
 * How often a run is repeated in which another call was hit than was meant: how many write(2) calls
 * wake the threads of Node.js is a matter of chance.
 */
const attempts = 8

/** Runs an operation with an injection; undefined where another call was hit than was meant. */
export async function inject(stage: Stage, injection: Injection): Promise<Finding[] | undefined> {
  let next = injection
  for (let attempt = 0; attempt < attempts; attempt++) {
    const result = await tryInject(stage, next)
    if (Array.isArray(result)) return result
    next = { ...injection, when: result.when ?? injection.when }
  }
  return undefined
}

/** What was found; where another call was hit, which count the one that was meant had. */
async function tryInject(
  stage: Stage,
  injection: Injection,
): Promise<Finding[] | { readonly when: number | undefined }> {
  const place = copyOf(stage.directory)
  try {
    return await injectIn(place, stage, injection)
  } finally {
    removeSync(place) // A trace is large.
  }
}

async function injectIn(
  place: string,
  stage: Stage,
  injection: Injection,
): Promise<Finding[] | { readonly when: number | undefined }> {
  const log = `${place}/trace`
  const options = [
    // strace 6.1 with both loses the signal.
    ...(injection.effect.kind === 'kill' ? [] : ['--seccomp-bpf']),
    // Without the others, their calls of the same number are not hit.
    ...(injection.isMain ? [] : ['-f']),
    ...['-e', optionOf(injection)],
  ]
  const command = [process.execPath, operate, stage.operation, 'act', place]
  const running = startTraced(log, command, options)
  const hasFailed = (await running.line().catch(() => undefined)) === 'failed'
  const before = hasFailed ? judgeFailure(stage.operation, place) : []
  running.write('\n')
  running.end()
  const { status, stderr } = await running.ended
  const calls = readTrace(log)
  const hit = ownCalls(calls, injection.isMain)[injection.at]
  const isKill = injection.effect.kind === 'kill'
  const isHit = isKill ? hit?.result === '?' : hit?.injected === true
  if (!isHit || hit?.name !== injection.name || calls.filter((call) => call.injected).length > 1) {
    const when = hit?.name === injection.name ? countOf(hit, calls) : undefined
    return { when }
  }
  if (status !== (isKill ? 'SIGKILL' : 0))
    return [{ kind: 'stuck', detail: `ended with ${status}: ${stderr}` }]
  return [
    ...before,
    ...judgeSyncs(calls, injection),
    ...(injection.effect.kind === 'short write' ? judgeWrites(calls, hit) : []),
    ...(await judgeEnd(stage.operation, place, calls, hit)),
  ]
}

/** What the operations install that install something. */
const installs: Readonly<Record<string, string>> = {
  install: 'q',
  'install with hosts': 'q',
  'install of a host queue': 'q/hosts/a',
}

/** E: what an operation that failed has left, before it is tried again. */
export function judgeFailure(operation: string, place: string): Finding[] {
  const { code, message } = readEvents(readFileSync(`${place}/ledger`, 'utf8')).at(-1) ?? {}
  const hidden = [`${place}/root`, `${place}/root/q/hosts`]
    .filter((parent) => existsSync(parent))
    .flatMap((parent) => readdirSync(parent).filter((name) => name.startsWith('.')))
  const findings: Finding[] = [
    ...hidden.map((name): Finding => ({ kind: 'leftover', detail: name })),
    ...judgeQueues(place),
  ]
  for (const { directory } of queuesIn(place)) {
    for (const name of readdirSync(`${directory}/tmp`))
      findings.push({ kind: 'leftover', detail: `tmp/${name}` })
  }
  if (code === undefined || !(code in errorCodes))
    findings.push({ kind: 'unstable code', detail: message ?? 'no error' })
  const installed = installs[operation]
  if (installed !== undefined && existsSync(`${place}/root/${installed}`))
    findings.push({ kind: 'false error', detail: 'the queue is installed' })
  if (operation === 'uninstall' && !existsSync(`${place}/root/q`))
    findings.push({ kind: 'false error', detail: 'the queue is uninstalled' })
  return findings
}

/** What is there in the end: killed, or after the retry of what failed. */
export async function judgeEnd(
  operation: string,
  place: string,
  calls: readonly Call[] = [],
  hit?: Call,
): Promise<Finding[]> {
  const events = readEvents(readFileSync(`${place}/ledger`, 'utf8'))
  const errors = events.filter(({ event }) => event === 'error')
  const findings: Finding[] = judgeQueues(place, hit, calls)
  if (errors.length > 1) findings.push({ kind: 'stuck', detail: errors[1]?.message ?? '' })
  if (
    events.at(-1)?.event === 'installed' &&
    !isWhole(`${place}/root/${installs[operation] ?? ''}`)
  )
    findings.push({ kind: 'lost', detail: 'the queue is not there' })
  if (
    operation === 'uninstall' &&
    events.at(-1)?.event === 'uninstalled' &&
    existsSync(`${place}/root/q`)
  )
    findings.push({ kind: 'back', detail: 'the queue is there' })
  if (operation.includes('in order')) findings.push(...(await judgeOrder(place)))
  if (/\bkey\b/.test(operation)) findings.push(...(await judgeKey(operation, place)))
  for (const { directory, ledger } of queuesIn(place, hit, calls))
    findings.push(...(await recover(directory, ledger)))
  if (existsSync(`${place}/root/q/.ids`)) findings.push(...(await judgeKeys(place)))
  return findings
}

/** Whoever does not know whether the operation has ended does it again, and there is one item then. */
async function judgeKey(operation: string, place: string): Promise<Finding[]> {
  const body = 'once more'
  const replaces = operation.includes('replaces')
  const events = [
    { event: 'enqueue', queue: 'q', sha256: sha256(body) },
    ...(replaces ? [{ event: 'prune', queue: 'q', sha256: sha256('the body') }] : []),
  ]
  appendFileSync(`${place}/ledger`, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  const queue = openRoot({ root: `${place}/root` }).queue('q')
  const onDuplicate = replaces ? ('replace' as const) : ('ignore' as const)
  const id = await queue.enqueue(body, [], { id: 'the key', onDuplicate })
  const items = snapshot(queue.path).filter(({ place }) => place !== 'tmp')
  const names = items.map(({ name }) => name)
  if (names.length === 1 && names[0] === id) return []
  return [{ kind: 'key', detail: `${id} is enqueued, and there is ${names.join() || 'nothing'}` }]
}

/** In a copy: the next number is free, no number before it is missing, and all are worked on in order. */
async function judgeOrder(place: string): Promise<Finding[]> {
  const copy = `${place}.ordered`
  execFileSync('cp', ['-a', place, copy])
  const findings: Finding[] = []
  const complain = (detail: string): void => void findings.push({ kind: 'order', detail })
  try {
    const queue = openRoot({ root: `${copy}/root`, maxTries: 0 }).queue('q')
    await queue.enqueue('once more', [], { ordered: true })
    const finished = numbersIn(queue, 'done')
    const waiting = numbersIn(queue)
    const all = [...finished, ...waiting].join()
    const expected = Array.from({ length: finished.length + waiting.length }, (_, at) => at + 1)
    if (all !== expected.join()) complain(`the numbers are ${all}`)
    const seen: bigint[] = []
    const onEvent = ({ type }: ScanEvent): void => {
      complain(type)
    }
    for await (const item of queue.scan({ ordered: true, onEvent })) {
      seen.push(BigInt(item.entropy))
      await item.done()
    }
    if (seen.join() !== waiting.join()) complain(`${seen.join()} are worked on`)
  } catch (error) {
    complain(String(error))
  } finally {
    removeSync(copy)
  }
  return findings
}

/** Each key that is left once the queue was repaired has an item. */
async function judgeKeys(place: string): Promise<Finding[]> {
  const { context } = openRoot({ root: `${place}/root` }).queue('q')
  const findings: Finding[] = []
  for await (const key of keysOf(context)) {
    if (entriesOf(context, key).filter(({ isItem }) => isItem).length !== 1)
      findings.push({ kind: 'leftover', detail: key })
  }
  return findings
}

interface FoundQueue {
  readonly directory: string
  readonly ledger: Ledger
}

function queuesIn(place: string, hit?: Call, calls: readonly Call[] = []): FoundQueue[] {
  const events = readEvents(readFileSync(`${place}/ledger`, 'utf8'))
  return queueNamesIn(`${place}/root`)
    .flatMap((name) => {
      const hosts = queueNamesIn(`${place}/root/${name}/hosts`)
      return [name, ...hosts.map((host) => `${name}/hosts/${host}`)]
    })
    .map((name) => {
      const items = itemsOf(events, name)
      const written = shortened(hit, calls)
      return {
        directory: `${place}/root/${name}`,
        ledger: {
          durability: 'full' as const,
          crash: 'kill' as const,
          items: items.map((item) =>
            written?.whole === item.sha256 && written.queue === name
              ? { ...item, sha256: written.part }
              : item,
          ),
        },
      }
    })
}

function queueNamesIn(parent: string): string[] {
  if (!existsSync(parent)) return []
  return readdirSync(parent).filter(
    (name) => !name.startsWith('.') && existsSync(`${parent}/${name}/tmp`),
  )
}

/** The violations of A, B, C and E, and of what install and uninstall promise. */
function judgeQueues(place: string, hit?: Call, calls?: readonly Call[]): Finding[] {
  return [...judgeMoved(place), ...judgeEach(place, hit, calls)]
}

/** An item that is moved to another queue is in one of them at every moment, as one file. */
function judgeMoved(place: string): Finding[] {
  const events = readEvents(readFileSync(`${place}/ledger`, 'utf8'))
  return events
    .filter(({ event }) => event === 'move')
    .flatMap((move): Finding[] => {
      const entries = queuesIn(place).flatMap(({ directory }) => snapshot(directory))
      const found = entries.filter(({ sha256 }) => sha256 === move.sha256)
      const list = found.map(({ place, name }) => `${place}/${name}`).join(' ')
      if (new Set(found.map(({ inode }) => inode)).size === 1) return []
      return [{ kind: found.length === 0 ? 'lost' : 'double', detail: list }]
    })
}

function judgeEach(place: string, hit?: Call, calls?: readonly Call[]): Finding[] {
  return queuesIn(place, hit, calls).flatMap(({ directory, ledger }): Finding[] => [
    ...(isWhole(directory) ? judge(snapshot(directory), ledger) : []),
    ...(isWhole(directory) ? [] : [{ kind: 'half', detail: directory } as const]),
  ])
}

function isWhole(directory: string): boolean {
  return ['tmp', 'queue', 'done', 'fail'].every((name) => {
    const stat = statSync(`${directory}/${name}`, { throwIfNoEntry: false })
    return stat?.isDirectory() === true && (stat.mode & 0o7777) === 0o2770
  })
}

/** After a failed fsync(2) the kernel may call the pages clean that it could not write. */
function judgeSyncs(calls: readonly Call[], { effect }: Injection): Finding[] {
  // A signal is no failure to write; Node.js calls again by itself.
  if (effect.kind === 'error' && effect.errno === 'EINTR') return []
  const failed = calls.findIndex(({ name, injected }) => injected && name.includes('sync'))
  if (failed < 0) return []
  // By its number: the path of a directory that was removed meanwhile is another one.
  const numberOf = (call: Call | undefined): string =>
    /^[0-9]*/.exec(call?.arguments[0] ?? '')?.[0] ?? ''
  const descriptor = numberOf(calls[failed])
  for (const call of calls.slice(failed + 1)) {
    const { name, arguments: words } = call
    if (numberOf(call) !== descriptor) continue
    if (name === 'close') return []
    if (name.includes('sync')) return [{ kind: 'synced again', detail: `${name}(${words.join()})` }]
  }
  return []
}

/** After a short write(2) the next one goes on where it ended. */
function judgeWrites(calls: readonly Call[], hit: Call): Finding[] {
  const data = hit.arguments[1] ?? ''
  const rest = data.slice(Number.parseInt(hit.result))
  const next = calls
    .slice(calls.indexOf(hit) + 1)
    .find(({ name, arguments: words }) => name === hit.name && words[0] === hit.arguments[0])
  return next?.arguments[1]?.startsWith(rest) === true
    ? []
    : [{ kind: 'lost bytes', detail: `${next?.arguments[1]?.length ?? 0} of ${rest.length}` }]
}

/**
 * Where strace says that some bytes were written, none were: what the body should be, and what it is
 * then if the rest was written.
 */
function shortened(
  hit: Call | undefined,
  calls: readonly Call[],
): { readonly queue: string; readonly whole: string; readonly part: string } | undefined {
  const [file] = hit?.arguments ?? []
  const [, queue] = /root\/(.*)\/tmp\/[^/]*/.exec(file ?? '') ?? []
  if (hit?.injected !== true || !hit.name.includes('write') || queue === undefined) return undefined
  const whole: string[] = []
  const part: string[] = []
  for (const call of calls) {
    if (call.name !== hit.name || call.arguments[0] !== file) continue
    const data = (call.arguments[1] ?? '').slice(0, Number.parseInt(call.result))
    whole.push(data)
    if (call !== hit) part.push(data)
  }
  const hash = (pieces: readonly string[]): string => sha256(Buffer.from(pieces.join(''), 'latin1'))
  return { queue, whole: hash(whole), part: hash(part) }
}
