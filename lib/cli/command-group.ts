import type { Command } from 'commander'
import type { FsqError } from '../errors.js'
import type { SettingsOptions } from '../settings.js'
import {
  type CliCommand,
  type GroupContext,
  isHelp,
  makeParser,
  reportFailure,
  runCommand,
} from './command.js'
import { print } from './output.js'
import { unknownCommand } from './unknown-command.js'
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
  /** Adds flags that stand before the command, and are the flags of each. */
  readonly flags?: (parser: Command) => Command
  /** The exit status of a failure, where the group stands in for another program. */
  readonly statusOf?: (error: FsqError) => number
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
  group?: GroupContext,
): Promise<number> {
  const command = (await entry.load()).default
  if (!isGroup(command)) return runCommand(name, command, words, globals, group)
  const parser = groupParser(name, command)
  try {
    const [inner, ...rest] = parser.parse(words, { from: 'user' }).args
    if (inner === undefined) throw new UsageError('no command given')
    if (inner === 'help')
      return await runEntry(name, entry, [...rest.slice(0, 1), '-h'], globals, group)
    const found = Object.hasOwn(command.commands, inner) ? command.commands[inner] : undefined
    if (found === undefined) throw unknownCommand(inner, Object.keys(command.commands))
    return await runEntry(`${name} ${inner}`, found, rest, globals, {
      flags: parser.opts(),
      statusOf: command.statusOf,
    })
  } catch (error) {
    const status = await reportFailure(`fsq ${name}`, error, parser, command.statusOf)
    if (isHelp(error)) await print(listOf(name, command))
    return status
  }
}

/** The parser of a group, with the flags that stand before the command. */
export function groupParser(name: string, { flags }: CommandGroup): Command {
  const parser = makeParser(`fsq ${name}`, 'command [arg...]').passThroughOptions()
  return flags?.(parser) ?? parser
}

function listOf(name: string, { commands }: CommandGroup): string {
  const width = Math.max(14, ...Object.keys(commands).map(({ length }) => length + 2))
  const lines = Object.entries(commands).map(
    ([inner, { summary }]) => `${inner.padEnd(width)}${summary}\n`,
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
