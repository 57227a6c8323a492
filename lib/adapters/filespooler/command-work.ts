import type { Work } from './process.js'
import {
  type CommandOptions,
  type CommandRun,
  ownEnvironment,
  runCommand,
  type Warn,
} from './run-command.js'

/**
 * The work of running a command for each job, as `fsq filespooler queue-process` does.
 *
 * @param command - a program, found in PATH, and its first arguments
 * @param warn - is told of what may be a mistake
 * @returns the work; given, if there is one, the signal that asks the command to end, and whether the command
 * ended as it did since who asked it has asked this program too, which has yet to hear of it
 */
export function commandWork(
  command: readonly string[],
  options: CommandOptions = {},
  warn: Warn = () => undefined,
): (signal?: AbortSignal, askedToo?: CommandRun['askedToo']) => Work {
  const shared = { ...options, environment: ownEnvironment(), otherInput: 'inherit' } as const
  return (signal, askedToo) =>
    (open, { directory, entry, name, lock }) => {
      const run = { ...shared, place: { directory, entry }, held: lock, signal, askedToo }
      return runCommand(command, open, run, (message) => {
        warn(`${name}: ${message}`)
      })
    }
}
