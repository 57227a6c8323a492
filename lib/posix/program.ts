import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { after } from '../timer.js'
import { nextTurn } from '../turn.js'
import { loadedNative } from './native.js'
import { loadSpawn, type Spawn, type Spawned } from './spawn-koffi.js'

/** How a program ended: by itself, by a signal, or it never began. */
export type Ended =
  | {
      /** Its exit status. */
      readonly code: number
    }
  | {
      /** The signal that ended it. */
      readonly signal: NodeJS.Signals
    }
  | {
      /** Why it never began. */
      readonly error: unknown
    }

/** A program that runs. */
export interface Running {
  /** Its number; undefined where it never began. */
  readonly pid: number | undefined
  /** Sends it a signal, and its process group if it leads one; harmless once it has ended. */
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves when it has ended; never rejects. What it wrote may still be on its way. */
  readonly ended: Promise<Ended>
  /** Whether it has ended, or never began; what it wrote may still be on its way. */
  readonly isOver: () => boolean
  /**
   * Resolves when nobody of the process group that it leads is left; at once where it leads none.
   * There is no event for that, so it looks every few milliseconds.
   */
  readonly gone: (signal: AbortSignal) => Promise<void>
  /**
   * Once it has ended: resolves when `onOutput` was given all that it wrote. Then its output is closed, also to
   * others who still have it open.
   */
  readonly closeOutput: () => Promise<void>
  /** Its standard input, where that is a pipe and it began. */
  readonly input?: Writable
  /** What it writes to its standard output, where that is a pipe and it began. */
  readonly output?: Readable
}

/** How a program is started. */
export interface ProgramOptions {
  readonly stdin: number | 'ignore' | 'inherit' | 'pipe'
  /** Where its output goes: its stdout into a pipe, or all of it to a descriptor. @defaultValue where ours goes */
  readonly stdout?: 'inherit' | 'pipe' | number
  /** Another descriptor to hand on to it, as number 3. */
  readonly held?: number | undefined
  readonly env: NodeJS.ProcessEnv
  /**
   * Whether it leads a session and a process group of its own, so that a signal reaches the programs
   * that it starts too; those of a terminal then reach none of them.
   */
  readonly group?: boolean
  /** Is given everything that it writes to stdout or stderr, which go where ours go all the same. */
  readonly onOutput?: ((bytes: Uint8Array) => void) | undefined
}

/**
 * Starts a program without a shell, found in PATH like execvp(3) does. It gets a descriptor as its
 * standard input, the very open file, so that a flock(2) on it is held by the program too; its
 * output goes where ours goes, unless it is told otherwise. No other descriptor reaches it but the one that is handed on.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  { stdin, stdout = 'inherit', held, env, group = false, onOutput }: ProgramOptions,
): Running {
  if (stdin !== 'pipe' && stdout !== 'pipe' && onOutput === undefined) {
    const [input, out] = [stdin === 'inherit' ? 0 : stdin, stdout === 'inherit' ? 1 : stdout]
    const spawned = fastSpawn()?.({
      ...{ file: program, args, env, leads: group },
      descriptors: [
        input === 'ignore' ? undefined : input,
        out,
        stdout === 'inherit' ? 2 : out,
        ...(held === undefined ? [] : [held]),
      ],
    })
    if (spawned !== undefined) return runningOf(spawned, group)
  }
  const stderr = typeof stdout === 'number' ? stdout : 'inherit'
  const output: StdioOptions = onOutput === undefined ? [stdout, stderr] : ['pipe', 'pipe']
  const stdio: StdioOptions = [stdin, ...output, ...(held === undefined ? [] : [held])]
  let child: ChildProcess
  try {
    child = spawn(program, args, { stdio, env, detached: group })
  } catch (error) {
    const ended = Promise.resolve({ error })
    const [gone, closeOutput] = [nothing, nothing]
    return { pid: undefined, kill: () => undefined, ended, isOver: () => true, gone, closeOutput }
  }
  if (onOutput !== undefined) {
    passOn(child.stdout, process.stdout, onOutput)
    passOn(child.stderr, process.stderr, onOutput)
  }
  const { pid } = child
  return {
    pid,
    kill: (signal) => {
      if (!group || pid === undefined) child.kill(signal)
      else send(-pid, signal)
    },
    ended: endOf(child),
    isOver: () => pid === undefined || child.exitCode !== null || child.signalCode !== null,
    gone: async (signal) => {
      if (group && pid !== undefined) await groupGone(pid, signal)
    },
    closeOutput: async () => {
      if (onOutput !== undefined) await Promise.all([child.stdout, child.stderr].map(readOut))
    },
    ...(child.stdin && { input: child.stdin }),
    ...(stdout === 'pipe' && child.stdout && { output: child.stdout }),
  }
}

let spawnsFast: Spawn | false | undefined

/** How programs are started without Node.js, where that is worth it: where the C library is at hand. */
function fastSpawn(): Spawn | undefined {
  const native = loadedNative()
  if (native === undefined) return undefined
  spawnsFast ??= loadSpawn(native) ?? false
  return spawnsFast === false ? undefined : spawnsFast
}

function runningOf({ pid, status, ended }: Spawned, leads: boolean): Running {
  return {
    pid,
    kill: (signal) => {
      if (leads) send(-pid, signal)
      else if (status() === undefined) send(pid, signal)
    },
    ended,
    isOver: () => status() !== undefined,
    gone: async (signal) => {
      if (leads) await groupGone(pid, signal)
    },
    closeOutput: nothing,
  }
}

/** What there is to wait for where there is nothing. */
async function nothing(): Promise<void> {
  // It resolves.
}

async function groupGone(leader: number, signal: AbortSignal): Promise<void> {
  while (send(-leader, 0) && !signal.aborted) await setTimeout(lookAgainAfter)
}

/** In milliseconds. */
const lookAgainAfter = 10

const events = ['drain', 'error', 'close'] as const

/** What is written to a pipe goes on as it comes; who reads it more slowly slows the program down. */
function passOn(
  from: Readable | null,
  to: NodeJS.WritableStream,
  onOutput: (bytes: Uint8Array) => void,
): void {
  if (to.listenerCount('error') === 0) to.on('error', () => undefined) // Output may be lost, work not.
  from?.on('data', (bytes: Buffer) => {
    onOutput(bytes)
    if (!to.writable || to.write(bytes)) return
    from.pause()
    // One whose reader has gone away never asks for more, and closes instead.
    const goOn = (): void => {
      for (const event of events) to.off(event, goOn)
      from.resume()
    }
    for (const event of events) to.once(event, goOn)
  })
}

/** How long a program that ended may leave its output open to another, in seconds. */
const outputLinger = 0.2

/** How long what is there waits for who stopped reading what we pass on, in seconds: he does not stop the work. */
const readerLinger = 2

/** How often what is there is read from one who never stops writing; far more than fits into a pipe. */
const mostTurns = 100

/**
 * What a program that ended wrote is read to its end: until nobody has the pipe open any more. A daemon that the
 * program left may have it for as long as it lives. We must not wait for that, nor hold a descriptor for each item,
 * so it gets a moment, what is in the pipe then is read, and the pipe is closed. If it ever writes again it gets
 * SIGPIPE, as it would later, when this process ends: better at once, where it is seen, than with the next restart.
 */
async function readOut(pipe: Readable | null): Promise<void> {
  if (pipe === null || pipe.closed) return
  await onceWithin(outputLinger, pipe, 'close')
  // What is there may not be read yet: who reads what we pass on may be slow, and so may be what else we do.
  let pieces = 0
  pipe.on('data', () => pieces++)
  for (let turns = 0; turns < mostTurns; turns++) {
    const before = pieces
    if (pipe.isPaused() && !(await onceWithin(readerLinger, pipe, 'resume'))) break
    await nextTurn() // To the end of this one, which may have looked at the pipe already,
    await nextTurn() // and of one that has.
    if (pieces === before && !pipe.isPaused()) break
  }
  pipe.destroy()
}

/** Waits for an event, for so many seconds; whether it came. A pipe that is paused does not keep the process alive. */
async function onceWithin(seconds: number, pipe: Readable, event: string): Promise<boolean> {
  const tooLate = new AbortController()
  const forget = after(seconds, () => {
    tooLate.abort()
  })
  await once(pipe, event, { signal: tooLate.signal }).catch(() => undefined)
  forget()
  return !tooLate.signal.aborted
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise<Ended>((resolve) => {
    // Later errors are signals that could not be sent; the program runs on.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ error })
    })
    child.once('exit', (code, signal) => {
      resolve(signal === null ? { code: code ?? 0 } : { signal })
    })
  })
}

/** False where nobody is left that the number stands for: a process, or the group of one if it is negative. */
function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    return true // EPERM: somebody is left who changed the user.
  }
}
