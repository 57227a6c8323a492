import { makeParser } from './command.js'
import { UsageError } from './usage-error.js'

/**
 * The error for a word that names no command; it names what was perhaps meant.
 *
 * @param names - of the commands that there are
 * @param hint - where they are listed, if the usage does not say so
 */
export function unknownCommand(word: string, names: readonly string[], hint?: string): UsageError {
  const similar = similarTo(word, names)
  const question = similar === undefined ? '' : `; did you mean ${similar}?`
  const note = hint === undefined ? '' : ` (${hint})`
  return new UsageError(`command not found: ${word}${question}${note}`)
}

/** The parser finds similar names, and tells of them where a command is asked for that it has not. */
function similarTo(word: string, names: readonly string[]): string | undefined {
  const parser = makeParser('fsq', '')
  for (const name of names) parser.command(name)
  try {
    parser.parse([word], { from: 'user' })
  } catch (error) {
    return /\(Did you mean (.*)\?\)/.exec(String(error))?.[1]
  }
  return undefined
}
