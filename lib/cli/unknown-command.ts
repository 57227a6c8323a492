import { suggestion } from '../suggestion.js'
import { UsageError } from './usage-error.js'

/**
 * The error for a word that names no command.
 *
 * @param names - of the commands that there are
 * @param hint - where they are listed, if the usage does not say so
 */
export function unknownCommand(word: string, names: readonly string[], hint?: string): UsageError {
  const note = hint === undefined ? '' : ` (${hint})`
  return new UsageError(`command not found: ${word}${suggestion(word, names)}${note}`)
}
