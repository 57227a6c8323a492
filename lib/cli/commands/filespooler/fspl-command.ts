import { type Command, InvalidArgumentError } from 'commander'
import { type Call, type CliCommand, defineCommand } from '../../command.js'
import { plainText } from '../../output.js'

/** How much is told on stderr, the most last. */
export const logLevels = ['error', 'warn', 'info', 'debug', 'trace'] as const

/** A level of messages. */
export type LogLevel = (typeof logLevels)[number]

/** The flags that every command of the group has. */
export interface FsplFlags {
  readonly logLevel: LogLevel
  readonly verbose?: true
}

/** A command that stands in for one of fspl(1): flags may stand anywhere before `--`. */
export function defineFsplCommand<Flags = object>(
  command: CliCommand<Flags & FsplFlags>,
): CliCommand<Flags & FsplFlags> {
  return defineCommand<Flags & FsplFlags>({
    atMost: command.operands === '' ? 0 : 1,
    flagsAnywhere: true,
    ...command,
  })
}

/** Writes messages to stderr, those of the chosen level and above. */
export function logger({ say, flags: { logLevel, verbose } }: Call<FsplFlags>): Logger {
  const most = logLevels.indexOf(verbose === true ? 'debug' : logLevel)
  const at =
    (level: LogLevel) =>
    (message: string): void => {
      if (logLevels.indexOf(level) <= most) say(`${level}: ${plainText(message)}`)
    }
  return { warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** Tells of something, if it is wanted to be told. */
export type Logger = Readonly<Record<'warn' | 'info' | 'debug', (message: string) => void>>

/** A flag's value that is one of some words, in upper or lower case; what is read is in lower case. */
export function anyCase<T extends string>(words: readonly T[]): (given: string) => Lowercase<T> {
  const read = (given: string): Lowercase<T> => {
    const found = words.find((word) => word.toLowerCase() === given.toLowerCase())
    if (found === undefined)
      throw new InvalidArgumentError(`Expected one of ${words.join(', ')}, got "${given}"`)
    return found.toLowerCase() as Lowercase<T>
  }
  return Object.assign(read, { words })
}

/** A number of a sequence, 0 to 2^64-1. */
export function sequenceNumber(given: string): bigint {
  const number = /^\+?[0-9]+$/.test(given) ? BigInt(given.replace('+', '')) : -1n
  if (number < 0n || number >= 2n ** 64n)
    throw new InvalidArgumentError(`Expected a number from 0 to 2^64-1, got "${given}"`)
  return number
}

/** A path, or a command: any text but none. */
export function notEmpty(given: string): string {
  if (given === '') throw new InvalidArgumentError('Expected a value, got none')
  return given
}

/** The flags of a command that is about a queue. */
export interface QueueFlags {
  readonly queuedir: string
}

/** Adds -q. */
export function queueFlag(command: Command): Command {
  return command.requiredOption('-q, --queuedir <dir>', 'directory of the queue', notEmpty)
}

/** The flags of a command that reads jobs. */
export interface DecoderFlags {
  readonly decoder?: string
}

/** Adds -d. */
export function decoderFlag(command: Command): Command {
  return command.option(
    '-d, --decoder <command>',
    'what $SHELL -c runs to turn the content of a file into a job',
    notEmpty,
  )
}

/** The flags of a command that changes the place in a sequence. */
export interface WaitFlags {
  readonly wait: number
}

/** Adds --wait. */
export function waitFlag(command: Command, seconds: string): Command {
  return command.option(
    '--wait <seconds>',
    'how long to wait for somebody else to let go of the lock',
    secondsOf,
    Number(seconds),
  )
}

/** A time in seconds, fractions allowed. */
export function secondsOf(given: string): number {
  if (!/^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(given))
    throw new InvalidArgumentError(`Expected seconds, got "${given}"`)
  return Number(given)
}
