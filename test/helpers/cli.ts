import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot, type Root } from '../../lib/root/root.js'
import { temporaryDirectory } from './temporary.js'

/** The built program; `npm test` builds it first. */
export const program = fileURLToPath(new URL('../../dist/cli/fsq.cjs', import.meta.url))

/** A copy of the program in a directory, with those of its files, and no packages beside it. */
export function programOf(directory: string, files: readonly string[]): string {
  const cli = `${directory}/dist/cli`
  mkdirSync(cli, { recursive: true })
  for (const file of files) copyFileSync(`${dirname(program)}/${file}`, `${cli}/${file}`)
  copyFileSync(
    fileURLToPath(new URL('../../package.json', import.meta.url)),
    `${directory}/package.json`,
  )
  return `${cli}/fsq.cjs`
}

/** How a program is started. */
export interface StartOptions {
  /** Variables beside the few that every program gets. */
  readonly env?: Readonly<Record<string, string>>
  /** What it reads: text, bytes, an open descriptor, or what will be written. Default: nothing. */
  readonly input?: string | Uint8Array | number | { readonly later: true }
  readonly cwd?: string
  /** The user, and the group of the same number, that it runs as. Only root may say so. */
  readonly uid?: number
  /** Whether it leads a process group of its own, as a job of a shell does. */
  readonly detached?: boolean
  /** After so many milliseconds it is killed, with all of the group that it leads: it hangs. Default: a minute. */
  readonly timeout?: number
}

/** What came of a program. */
export interface Ended {
  /** Its exit status, or the signal that killed it. */
  readonly status: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
  /** Its stdout, byte for byte. */
  readonly bytes: Buffer
}

/** A program that runs. */
export interface Started {
  readonly pid: number
  /** Sends it a signal. */
  readonly kill: (signal: NodeJS.Signals) => void
  /** Writes to its stdin, which must be a pipe. */
  readonly write: (text: string) => void
  /** Closes its stdin. */
  readonly end: () => void
  /** What it has written to its stdout so far. */
  readonly output: () => string
  /** What it has written to its stderr so far. */
  readonly errors: () => string
  /** The next line of its stdout, without the line break; fails where none comes any more. */
  readonly line: () => Promise<string>
  /** Resolves when it is dead, although others may still have its stdout open. */
  readonly exited: Promise<void>
  /** Resolves when it is dead and nobody has its stdout and stderr open any more. */
  readonly ended: Promise<Ended>
}

/** Hardly a program of a test takes longer, in milliseconds, unless it hangs. */
const tooLong = 60_000

/**
 * Starts a program with nothing of this process's environment but PATH and HOME. It is env(1) that
 * starts it, because tap adds variables to every child, by which it would get hold of Node.js there.
 */
export function startProgram(
  file: string,
  words: readonly string[],
  { env = {}, input, cwd, uid, detached = false, timeout = tooLong }: StartOptions = {},
): Started {
  const { PATH = '', HOME = '/' } = process.env
  const stdin = typeof input === 'number' ? input : input === undefined ? 'ignore' : 'pipe'
  const variables = Object.entries({ PATH, HOME, LC_ALL: 'C.UTF-8', ...env })
  const assignments = variables.map(([name, value]) => `${name}=${value}`)
  const child: ChildProcess = spawn('env', ['-i', ...assignments, file, ...words], {
    stdio: [stdin, 'pipe', 'pipe'],
    detached,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  const lines = lineReader()
  child.stdout?.on('data', (piece: Buffer) => {
    out.push(piece)
    lines.add(piece)
  })
  child.stderr?.on('data', (piece: Buffer) => err.push(piece))
  child.stdin?.on('error', () => undefined) // It need not read what it is given.
  if (typeof input !== 'object' || input instanceof Uint8Array) child.stdin?.end(input)
  const exited = once(child, 'exit')
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const alarm = globalThis.setTimeout(() => {
    if (detached) killGroup(child)
    else child.kill('SIGKILL')
  }, timeout)
  const ended = closed.then(([code, signal]): Ended => {
    clearTimeout(alarm)
    lines.end()
    const bytes = Buffer.concat(out)
    const stderr = Buffer.concat(err).toString()
    return { status: signal ?? code ?? -1, stdout: bytes.toString(), stderr, bytes }
  })
  return {
    pid: child.pid ?? -1,
    kill: (signal) => child.kill(signal),
    write: (text) => child.stdin?.write(text),
    end: () => child.stdin?.end(),
    output: () => Buffer.concat(out).toString(),
    errors: () => Buffer.concat(err).toString(),
    line: lines.next,
    exited: exited.then(() => undefined),
    ended,
  }
}

/** What a program started may live on without it, and would have its stdout open for ever. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left of it.
  }
}

/** Hands out lines to who waits for them. */
function lineReader(): {
  add: (piece: Buffer) => void
  end: () => void
  next: () => Promise<string>
} {
  let rest = ''
  let over = false
  const lines: string[] = []
  const waiting: { resolve: (line: string) => void; reject: (why: Error) => void }[] = []
  const serve = (): void => {
    while (waiting.length > 0 && (lines.length > 0 || over)) {
      const line = lines.shift()
      if (line === undefined) waiting.shift()?.reject(new Error('no further line came'))
      else waiting.shift()?.resolve(line)
    }
  }
  return {
    add(piece) {
      const found = (rest + piece.toString('latin1')).split('\n')
      rest = found.pop() ?? ''
      lines.push(...found.map((line) => Buffer.from(line, 'latin1').toString()))
      serve()
    },
    end() {
      over = true
      serve()
    },
    next: () =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        serve()
      }),
  }
}

/** A root with the queue `q`, and the program to work on it. */
export interface Place {
  /** A directory for whatever a test needs; goes when the test ends. */
  readonly directory: string
  /** The root, with a new queue `q` in it. */
  readonly root: Root
  readonly queue: Queue
  /** The variables that the program gets: PATH, on which `fsq` is found too, and FSQ_ROOT. */
  readonly env: Readonly<Record<string, string>>
  /** Starts `fsq` with these words. */
  readonly start: (words: readonly string[], options?: StartOptions) => Started
  /** The same, and waits for its end. */
  readonly fsq: (words: readonly string[], options?: StartOptions) => Promise<Ended>
  /** Writes a shell script; its path. */
  readonly script: (name: string, text: string) => string
}

/** A new {@link Place}. What was started in it and still runs is killed when the test ends. */
export async function place(t: Test): Promise<Place> {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const root = openRoot({ root: `${directory}/root` })
  const queue = await root.install('q')
  const bin = `${directory}/bin`
  mkdirSync(bin)
  symlinkSync(program, `${bin}/fsq`)
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, FSQ_ROOT: root.settings.root }
  const running = new Set<Started>()
  t.teardown(async () => {
    for (const each of running) each.kill('SIGKILL')
    await Promise.all([...running].map((each) => each.exited))
  })
  const start = (words: readonly string[], options: StartOptions = {}): Started => {
    const started = startProgram(process.execPath, [program, ...words], {
      ...options,
      env: { ...env, ...options.env },
    })
    running.add(started)
    void started.exited.then(() => running.delete(started))
    return started
  }
  return {
    directory,
    root,
    queue,
    env,
    start,
    fsq: (words, options) => start(words, options).ended,
    script(name, text) {
      const path = `${directory}/${name}`
      writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
      return path
    },
  }
}

/** What is to come of a program: nothing on stdout or stderr, and 0, unless it says otherwise. */
export interface Expected {
  readonly status?: number | NodeJS.Signals
  readonly stdout?: string | RegExp
  readonly stderr?: string | RegExp
}

/** Checks all that came of a program at once, so that nothing unexpected goes unseen. */
export function check(t: Test, ended: Ended, expected: Expected = {}, name = 'as expected'): void {
  const { status, stdout, stderr } = ended
  t.strictSame(
    { status, stdout, stderr },
    {
      status: expected.status ?? 0,
      stdout: settled(stdout, expected.stdout),
      stderr: settled(stderr, expected.stderr),
    },
    name,
  )
}

function settled(text: string, expected: string | RegExp = ''): string {
  if (typeof expected === 'string') return expected
  return expected.test(text) ? text : expected.toString()
}

/** Does something for each of a list, a few at a time: programs start no faster all at once. */
export async function forEachOf<T>(
  list: Iterable<T>,
  act: (each: T) => Promise<void>,
): Promise<void> {
  const rest = list[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await act(next.value)
  }
  await Promise.all([work(), work(), work()])
}

/** Waits for what no event tells of, such as what another process does to a directory. */
export async function eventually(isSo: () => boolean, patience = tooLong): Promise<void> {
  const end = Date.now() + patience
  while (!isSo()) {
    if (Date.now() > end) throw new Error('it never came about')
    await setTimeout(10)
  }
}

/** The words between NULs, as `env -0` and `printf '%s\0'` write them. */
export function nulSeparated(text: string): string[] {
  return text.split('\0').slice(0, -1)
}

/** Whether we are root and may be anybody; otherwise why a test must be skipped. */
export const notRoot = process.getuid?.() === 0 ? false : 'needs root, to be somebody else'

/** A user that owns nothing. */
export const nobody = 65534

/** False where the program can be run as {@link nobody}; otherwise why a test must be skipped. */
export async function cannotBeNobody(): Promise<string | false> {
  if (notRoot !== false) return notRoot
  const { status } = await startProgram(process.execPath, [program, '--version'], {
    uid: nobody,
  }).ended.catch(() => ({ status: -1 }))
  return status === 0 ? false : 'the user 65534 cannot reach the program where it is'
}
