import type { Command } from 'commander'
import type { SettingsOptions } from '../settings.js'
import { type CliCommand, makeParser, reportFailure, runCommand } from './command.js'
import { print } from './output.js'
import { UsageError } from './usage-error.js'

/** A command of the program: what it does, in a line, and how its code is loaded once it is called. */
export interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<{ readonly default: CliCommand | CommandGroup }>
}

/** A command that has commands of its own, as `fsq ftpcluster import`. */
export interface CommandGroup {
  /** The commands in it, in the order in which they are listed. */
  readonly commands: Readonly<Record<string, CommandEntry>>
}

/** Tells the two apart. */
export function isGroup(command: CliCommand | CommandGroup): command is CommandGroup {
  return 'commands' in command
}

/** Runs a command with the words behind its name, or that of a group which they name; the exit status. */
export async function runEntry(
  name: string,
  entry: CommandEntry,
  words: readonly string[],
  globals: SettingsOptions,
): Promise<number> {
  const command = (await entry.load()).default
  if (!isGroup(command)) return runCommand(name, command, words, globals)
  const parser = groupParser(name)
  try {
    const [inner, ...rest] = parser.parse(words, { from: 'user' }).args
    if (inner === undefined) throw new UsageError('no command given')
    const found = Object.hasOwn(command.commands, inner) ? command.commands[inner] : undefined
    if (found === undefined) throw new UsageError(`command not found: ${inner}`)
    return await runEntry(`${name} ${inner}`, found, rest, globals)
  } catch (error) {
    const status = await reportFailure(`fsq ${name}`, error, parser)
    if (status === 0) await print(listOf(name, command))
    return status
  }
}

/** The parser of a group, which has no flag but that for help. */
export function groupParser(name: string): Command {
  return makeParser(`fsq ${name}`, 'command [arg...]').passThroughOptions()
}

function listOf(name: string, { commands }: CommandGroup): string {
  const lines = Object.entries(commands).map(
    ([inner, { summary }]) => `${inner.padEnd(14)}${summary}\n`,
  )
  return `\nCommands (fsq ${name} COMMAND -h tells more):\n${lines.join('')}`
}

/** What words lead to: as many of them as name a command, that command if there is one, and the rest. */
export async function commandAt(
  commands: CommandGroup['commands'],
  words: readonly string[],
): Promise<{
  readonly path: readonly string[]
  readonly command: CliCommand | CommandGroup | undefined
  readonly words: readonly string[]
}> {
  const [name = '', ...rest] = words
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry === undefined) return { path: [], command: undefined, words }
  const command = (await entry.load()).default
  if (!isGroup(command)) return { path: [name], command, words: rest }
  const inner = await commandAt(command.commands, rest)
  return {
    path: [name, ...inner.path],
    command: inner.command ?? command,
    words: inner.words,
  }
}
