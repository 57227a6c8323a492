import type { Command } from 'commander'
import type { SettingsOptions } from '../settings.js'
import { isHelp, makeParser, reportFailure } from './command.js'
import { commandAt, runEntry } from './command-group.js'
import { commands, withoutAlias } from './commands.js'
import { globalFlags } from './global-flags.js'
import { print } from './output.js'
import { UsageError } from './usage-error.js'
import { version } from './version.js'

/** The flags that are settings have their names, --root-dir excepted. */
interface GlobalFlags extends Omit<SettingsOptions, 'root'> {
  readonly list?: true
  readonly version?: true
  readonly execDir?: string
  readonly rootDir?: string
}

/** Runs the program with the words behind its name; the exit status. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    checkWords(words)
    // Most calls have no flag before the command; a parser for them would cost milliseconds.
    const [first = '-'] = words
    return await (first.startsWith('-') ? parseGlobals(words) : dispatch(words))
  } catch (error) {
    return reportFailure('fsq', error, globalParser())
  }
}

async function parseGlobals(words: readonly string[]): Promise<number> {
  const parser = globalParser()
  try {
    parser.parse(words, { from: 'user' })
  } catch (error) {
    if (!isHelp(error)) throw error
    return help(parser.opts<GlobalFlags>().execDir)
  }
  const { list, version: asksVersion, execDir, rootDir, ...names }: GlobalFlags = parser.opts()
  const settings = rootDir === undefined ? names : { ...names, root: rootDir }
  if (asksVersion === true) {
    await print(`fsq ${version()}\n`)
    return 0
  }
  if (list === true) {
    await print(await commandList(execDir))
    return 0
  }
  return dispatch(parser.args, settings, execDir)
}

async function dispatch(
  words: readonly string[],
  settings: SettingsOptions = {},
  execDir = process.env['FSQ_EXEC_DIR'],
): Promise<number> {
  const [name, ...rest] = withoutAlias(words)
  if (name === undefined) throw new UsageError('no command given')
  if (name === '__complete') {
    // For the scripts of fsq completion alone: no command, and nothing that anybody should call.
    const { complete } = await import('./complete.js')
    await print(await complete(rest, globalParser(), await commandNames(execDir)))
    return 0
  }
  if (name === 'help') {
    const [topic = '-h'] = rest
    if (topic === name || topic.startsWith('-')) return help(execDir)
    const { path } = await commandAt(commands, withoutAlias(rest))
    return dispatch([...(path.length === 0 ? [topic] : path), '-h'], settings, execDir)
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry !== undefined) return runEntry(name, entry, rest, settings)
  const { findExternal, runExternal } = await import('./external.js')
  const external = findExternal(name, execDir)
  if (external === undefined) {
    const { unknownCommand } = await import('./unknown-command.js')
    const names = (await commandNames(execDir)).map(([each]) => each)
    throw unknownCommand(name, names, 'try fsq --list')
  }
  return runExternal(external, rest, settings)
}

/** Prints the usage of the program, with its commands. */
async function help(execDir: string | undefined): Promise<number> {
  const list = await commandList(execDir)
  await print(`${globalParser().helpInformation()}\nCommands (fsq COMMAND -h tells more):\n${list}`)
  return 0
}

function globalParser(): Command {
  return globalFlags(makeParser('fsq', 'command [args...]').passThroughOptions())
}

/** Every command with what it does, those of others too. */
async function commandNames(
  execDir = process.env['FSQ_EXEC_DIR'],
): Promise<(readonly [name: string, summary: string])[]> {
  const { listExternals } = await import('./external.js')
  const names = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const)
  const externals = listExternals(execDir).map((name) => [name, `fsq-${name}`] as const)
  return [...names, ...externals]
}

async function commandList(execDir?: string): Promise<string> {
  const names = await commandNames(execDir)
  return names.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('')
}

/**
 * Node.js reads the words of a command line as UTF-8 and puts U+FFFD for what is not. An item must
 * not be enqueued with other arguments than were given.
 */
function checkWords(words: readonly string[]): void {
  const lost = words.find((word) => word.includes('\ufffd'))
  if (lost !== undefined) throw new UsageError(`an argument is not UTF-8: ${JSON.stringify(lost)}`)
}
