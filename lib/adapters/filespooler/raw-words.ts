import { FsqError } from '../../errors.js'
import { canRun } from '../../posix/find-program.js'
import type { Variable } from './job-variables.js'

/** A program with its arguments and variables, as Node.js starts it. */
export interface Words {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Puts words together from those that begin with =, which are text, and from pieces in octal numbers, which
 * begin with + and end with !. What follows the last letter of a piece keeps the shell from cutting off line
 * breaks. The program stands behind another shell, since env(1) takes one with = in its name for a variable.
 */
const script = `n=$#; w=
while [ $n -gt 0 ]; do
  a=$1; shift; n=$((n-1))
  case $a in
  =*) set -- "$@" "\${a#=}" ;;
  +*) p=$(printf "\${a#+}."); w=$w\${p%.} ;;
  *) set -- "$@" "$w"; w= ;;
  esac
done
exec env -- "$@"`

/**
 * A program with arguments and variables that are bytes. Node.js writes every word in UTF-8; where one is
 * something else, a shell makes it from octal numbers and turns into env(1), which turns into the program.
 *
 * @throws {@link FsqError} `FSQ_EXEC` where there is no such program.
 */
export function asWords(
  program: string,
  args: readonly Uint8Array[],
  variables: readonly Variable[],
): Words {
  const texts = args.map(textOf)
  const pairs = variables.map(([name, value]) => [textOf(name), textOf(value)] as const)
  const isText = (text: string | undefined): text is string => text !== undefined
  if (texts.every(isText) && pairs.every(([name, value]) => isText(name) && isText(value)))
    return { file: program, args: texts, env: Object.fromEntries(pairs) as Record<string, string> }
  if (!canRun(program)) throw new FsqError('FSQ_EXEC', `cannot run ${program}: it is no program`)
  const words = [
    ...variables.map(([name, value]) => Buffer.concat([name, Buffer.from('='), value])),
    ...['sh', '-c', 'exec "$0" "$@"', program].map((text) => Buffer.from(text)),
    ...args,
  ]
  return { file: '/bin/sh', args: ['-c', script, 'sh', ...words.flatMap(tokensOf)], env: {} }
}

/** So many bytes are in a piece: four letters each, of the 128 KiB that a word may have on Linux. */
const longestPiece = 16 * 1024

function tokensOf(word: Uint8Array): string[] {
  const text = textOf(word)
  if (text !== undefined) return [`=${text}`]
  const count = Math.ceil(word.length / longestPiece)
  const pieces = Array.from({ length: count }, (_, at) =>
    word.subarray(at * longestPiece, (at + 1) * longestPiece),
  )
  return [...pieces.map((piece) => `+${octal(piece)}`), '!']
}

/** The text that becomes these bytes again in UTF-8; nothing where there is none. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString()
  return Buffer.from(text).equals(bytes) ? text : undefined
}

function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
