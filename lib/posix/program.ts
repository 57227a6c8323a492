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
 * output goes where ours goes. No other descriptor of ours reaches it.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly stdin: number | 'ignore' | 'inherit'; readonly env: NodeJS.ProcessEnv },
): Running {
  let child: ChildProcess
  try {
    const stdio = [options.stdin, 'inherit', 'inherit'] as const
    child = spawn(program, args, { stdio: [...stdio], env: options.env })
  } catch (error) {
    return { kill: () => undefined, ended: Promise.resolve({ error }) }
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => {
      resolve({ error })
    })
    child.once('exit', (code, signal) => {
      resolve(signal === null ? { code: code ?? 0 } : { signal })
    })
  })
  return { kill: (signal) => child.kill(signal), ended }
}
