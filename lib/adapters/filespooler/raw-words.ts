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
 * A program with arguments and variables that are bytes. Node.js writes every word in UTF-8; where one is
 * something else, a shell makes it from octal numbers and turns into env(1), which turns into the program.
 *
 * @throws `FsqError` `FSQ_JOB` where that gets longer than the system takes, `FSQ_EXEC` where there is
 * no such program.
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
  const words = [
    ...variables.map(([name, value]) => Buffer.concat([name, Buffer.from('='), value])),
    Buffer.from(program),
    ...args,
  ]
  // The last letter keeps the shell from cutting off line breaks that belong to the word.
  const made = words.map(
    (word, index) => `w${index}=$(printf '${octal(word)}.'); w${index}=\${w${index}%.}`,
  )
  const named = words.map((_, index) => `"$w${index}"`)
  const [variableNames, commandNames] = [
    named.slice(0, variables.length),
    named.slice(variables.length),
  ]
  // The program stands behind a shell, since env(1) takes one with = in its name for a variable.
  const run = `sh -c 'exec "$0" "$@"' ${commandNames.join(' ')}`
  const script = `${made.join('\n')}\nexec env -- ${variableNames.join(' ')} ${run}`
  if (!canRun(program)) throw new FsqError('FSQ_EXEC', `cannot run ${program}: it is no program`)
  if (script.length >= longestWord)
    throw new FsqError(
      'FSQ_JOB',
      'its parameters and variables are not UTF-8, and too long to be passed on',
    )
  return { file: '/bin/sh', args: ['-c', script], env: {} }
}

/** How long a word of a command line may be on Linux, in bytes (MAX_ARG_STRLEN of execve(2)). */
const longestWord = 128 * 1024

/** The text that becomes these bytes again in UTF-8; nothing where there is none. */
function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString()
  return Buffer.from(text).equals(bytes) ? text : undefined
}

function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
