import type { Work } from './process.js'
import { type CommandOptions, ownEnvironment, runCommand, type Warn } from './run-command.js'

/**
 * The work of running a command for each job, as `fsq filespooler queue-process` does.
 *
 * @param command - a program, found in PATH, and its first arguments
 * @param warn - is told of what may be a mistake
 * @returns the work, given the signal that asks the command to end, if there is one
 */
export function commandWork(
  command: readonly string[],
  options: CommandOptions = {},
  warn: Warn = () => undefined,
): (signal?: AbortSignal) => Work {
  const shared = { ...options, environment: ownEnvironment(), otherInput: 'inherit' } as const
  return (signal) =>
    (open, { directory, entry, name, lock }) => {
      const run = { ...shared, place: { directory, entry }, held: lock, signal }
      return runCommand(command, open, run, (message) => {
        warn(`${name}: ${message}`)
      })
    }
}
