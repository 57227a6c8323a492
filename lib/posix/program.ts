import { type ChildProcess, spawn } from 'node:child_process'

/** How a program ended: by itself, by a signal, or it never began. */
export type Ended =
  { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly error: unknown }

/** A program that runs. */
export interface Running {
  /** Sends it a signal; harmless once it has ended. */
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<Ended>
}

/**
 * Starts a program without a shell, found in PATH like execvp(3) does. It gets a descriptor as its
 * standard input, the very open file, so that a flock(2) on it is held by the program too; its
 * output goes where ours goes. Another descriptor may be handed on to it as number 3; none but these
 * reaches it.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  options: {
    readonly stdin: number | 'ignore' | 'inherit'
    readonly held?: number | undefined
    readonly env: NodeJS.ProcessEnv
  },
): Running {
  let child: ChildProcess
  try {
    const held = options.held === undefined ? [] : [options.held]
    const stdio = [options.stdin, 'inherit' as const, 'inherit' as const, ...held]
    child = spawn(program, args, { stdio, env: options.env })
  } catch (error) {
    return { kill: () => undefined, ended: Promise.resolve({ error }) }
  }
  const ended = new Promise<Ended>((resolve) => {
    // Later errors are signals that could not be sent; the program runs on.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ error })
    })
    child.once('exit', (code, signal) => {
      resolve(signal === null ? { code: code ?? 0 } : { signal })
    })
  })
  return { kill: (signal) => child.kill(signal), ended }
}
