import type { Work } from './process.js'
import { type CommandOptions, runCommand, type Warn } from './run-command.js'

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
  return (signal) =>
    (open, { directory, entry, name, lock }) =>
      runCommand(
        command,
        open,
        { ...options, place: { directory, entry }, otherInput: 'inherit', held: lock, signal },
        (message) => {
          warn(`${name}: ${message}`)
        },
      )
}
