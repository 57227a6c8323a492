import { delimiter } from 'node:path'
import { findPrograms, isProgram } from '../posix/find-program.js'
import { startProgram } from '../posix/program.js'
import { FsqError, reasonOf } from '../errors.js'
import { type Settings, settingsTable, type SettingsOptions } from '../settings.js'
import { catchSignals } from '../work/signals.js'

/** Where programs called fsq-NAME are looked for: the exec-dir, then PATH. */
function folders(execDir: string | undefined): string[] {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return [execDir ?? '', ...path].filter((folder) => folder !== '')
}

/** The program that is the command of that name, if there is one. */
export function findExternal(name: string, execDir: string | undefined): string | undefined {
  if (!/^[a-z0-9][a-z0-9_-]*$/i.test(name)) return undefined
  return folders(execDir)
    .map((folder) => `${folder}/fsq-${name}`)
    .find(isProgram)
}

/** The names of all such commands, sorted. */
export function listExternals(execDir: string | undefined): string[] {
  const names = folders(execDir).flatMap((folder) => findPrograms(folder, 'fsq-'))
  return [...new Set(names.map((name) => name.slice('fsq-'.length)))].sort()
}

/** Runs such a command; it sees the global flags as the variables that they stand for. */
export async function runExternal(
  program: string,
  args: readonly string[],
  settings: SettingsOptions,
): Promise<number> {
  const variables = Object.entries(settings).map(([key, value]) => {
    return [settingsTable[key as keyof Settings].variable, String(value)]
  })
  const env = { ...process.env, ...(Object.fromEntries(variables) as NodeJS.ProcessEnv) }
  // Caught first: a signal between its start and that would end us alone, and leave it behind.
  const signals = catchSignals((signal) => {
    running.kill(signal)
  })
  const running = startProgram(program, args, { stdin: 'inherit', env })
  const ended = await running.ended
  signals[Symbol.dispose]()
  if ('code' in ended) return ended.code
  const why = 'signal' in ended ? `killed by ${ended.signal}` : reasonOf(ended.error)
  throw new FsqError('FSQ_EXEC', `${program}: ${why}`)
}
