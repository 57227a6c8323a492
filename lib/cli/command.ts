import { Command, CommanderError } from 'commander'
import { errnoOf, FsqError } from '../errors.js'
import { reasonWithPlace } from '../posix/denied.js'
import { openRoot, type Root } from '../root/root.js'
import type { SettingsOptions } from '../settings.js'
import type { ItemState } from '../upkeep/list-items.js'
import { isGlobalFlag } from './global-flags.js'
import { complain, print, say } from './output.js'
import { UsageError } from './usage-error.js'

/** What a command gets to work with. */
export interface Call<Flags> {
  /** The operands, after the flags. */
  readonly operands: string[]
  /** What stands behind `--`, of a command that takes a program there. */
  readonly program: readonly string[]
  readonly flags: Flags
  /** Opens the root that the global flags and the environment name. */
  readonly root: (settings?: SettingsOptions) => Root
  /** Writes a message to stderr, behind the name of the command. */
  readonly say: (message: string) => void
  /** The same, but only with --verbose. */
  readonly chirp: (message: string) => void
}

/** What a command has of the group that it is in. */
export interface GroupContext {
  /** The flags that stood before the command. */
  readonly flags: object
  /** The exit status of a failure, where the group stands in for another program. */
  readonly statusOf?: ((error: FsqError) => number) | undefined
}

/** A command of the program: parse, call the library, print. */
export interface CliCommand<Flags = object> {
  /** The operands, as they stand in the usage. */
  readonly operands: string
  /** The fewest operands. @defaultValue 0 */
  readonly atLeast?: number
  /** The most operands. @defaultValue any number */
  readonly atMost?: number
  /**
   * Whether flags may stand behind operands too. Not where operands belong to somebody else, who may take them
   * for flags of his own. A name that begins with a dash then needs a `--` before it.
   *
   * @defaultValue false: they end at the first operand, as POSIX asks for
   */
  readonly flagsAnywhere?: boolean
  /**
   * Whether a `--` right behind the first operand says no more than that what follows are no flags, which it is not
   * needed for: where flags end there, it would be an operand itself.
   *
   * @defaultValue false
   */
  readonly skipsDashes?: boolean
  /** Whether a program and its arguments stand behind `--`, whatever they look like. */
  readonly takesProgram?: boolean
  /** Where the items may be that operands name, for completion. @defaultValue queue/ */
  itemStates?(flags: Flags): readonly ItemState[]
  /** Adds the flags of the command. */
  flags?(command: Command): Command
  /** Does it; the exit status, or nothing for 0. */
  run(call: Call<Flags>): Promise<number | undefined>
}

/** For type inference: the command itself. */
export function defineCommand<Flags = object>(command: CliCommand<Flags>): CliCommand<Flags> {
  return command
}

/** Runs a command with the words behind its name; the exit status. */
export async function runCommand(
  name: string,
  command: CliCommand,
  words: readonly string[],
  globals: SettingsOptions,
  { flags: groupFlags, statusOf }: GroupContext = { flags: {} },
): Promise<number> {
  const program = `fsq ${name}`
  const parser = commandParser(name, command)
  const end = command.takesProgram === true ? words.indexOf('--') : -1
  const own = end < 0 ? words : words.slice(0, end)
  try {
    parser.parse(own, { from: 'user' })
    const operands = [...parser.args]
    if (command.skipsDashes === true && operands[1] === '--') operands.splice(1, 1)
    const flags: { verbose?: true } = { ...groupFlags, ...parser.opts() }
    if (operands.length < (command.atLeast ?? 0)) throw new UsageError('too few arguments')
    if (operands.length > (command.atMost ?? Infinity)) throw new UsageError('too many arguments')
    const status = await command.run({
      operands,
      program: end < 0 ? [] : words.slice(end + 1),
      flags,
      root: (settings = {}) => openRoot({ ...globals, ...settings }),
      say: (message) => {
        say(program, message)
      },
      chirp: (message) => {
        if (flags.verbose === true) say(program, message)
      },
    })
    return status ?? 0
  } catch (error) {
    return reportFailure(program, explained(error, command), parser, statusOf)
  }
}

/**
 * What is no flag of a command may be one of the program; or a name that begins with a dash, such as one that was
 * written with that delimiter.
 */
function explained(error: unknown, { flagsAnywhere, takesProgram }: CliCommand): unknown {
  if (!(error instanceof CommanderError) || error.code !== 'commander.unknownOption') return error
  const [, flag = ''] = /'(.*)'/.exec(error.message) ?? []
  const hint = isGlobalFlag(flag)
    ? `; ${flag} stands before the command`
    : flagsAnywhere === true && takesProgram !== true
      ? '; "--" before it makes it an operand'
      : ''
  return new CommanderError(error.exitCode, error.code, `${error.message}${hint}`)
}

/** The parser of a command, with all of its flags. */
export function commandParser(name: string, command: CliCommand): Command {
  const parser = makeParser(`fsq ${name}`, command.operands)
  parser.option('-v, --verbose', 'say more on stderr')
  if (command.flagsAnywhere !== true) parser.passThroughOptions()
  command.flags?.(parser)
  return parser
}

/** A parser that neither prints nor exits. */
export function makeParser(program: string, operands: string): Command {
  return new Command(program)
    .usage(`[flags] ${operands}`.trim())
    .helpOption('-h, --help', 'print this and exit')
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
}

/** Whether a parser ended since it was asked for its usage. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.helpDisplayed'
}

/** Prints what went wrong, and for bad usage what would have been good; the exit status. */
export async function reportFailure(
  program: string,
  error: unknown,
  parser: Command,
  statusOf = ({ exitStatus }: FsqError): number => exitStatus,
): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.code === 'commander.version') {
      await print(`${error.message}\n`)
      return 0
    }
    if (isHelp(error)) {
      await print(parser.helpInformation())
      return 0
    }
    return reportFailure(
      program,
      new UsageError(error.message.replace(/^error: /, '').replace(/\n/g, ' ')),
      parser,
      statusOf,
    )
  }
  // What the library says of a value that a command should have looked at itself. The engine's own errors
  // of that type do not begin so: they are mistakes of ours, and keep their stacks.
  if (error instanceof TypeError && error.message.startsWith('Expected '))
    return reportFailure(program, new UsageError(error.message, error), parser, statusOf)
  if (!(error instanceof FsqError)) {
    if (errnoOf(error) === undefined) throw error
    return reportFailure(
      program,
      new FsqError('FSQ_SYSTEM', reasonWithPlace(error, ''), { cause: error }),
      parser,
      statusOf,
    )
  }
  // A reader that went away, as in `fsq ls q | head`, has had what it wanted.
  if (error.errno !== 'EPIPE') say(program, error.message)
  if (error instanceof UsageError) {
    complain(`usage: ${parser.name()} ${parser.usage()} (try ${parser.name()} -h)\n`)
  }
  return statusOf(error)
}
