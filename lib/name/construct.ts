import { type Argument, coerce, encodeField } from './encode.js'
import { type NameOptions, type NameRules, nameRules } from './options.js'

/**
 * Writes a name: every argument behind a delimiter, escaped. Without arguments it is the delimiter
 * alone, which is also the name of one empty argument: fsq(7) cannot tell these two apart.
 *
 * @throws {@link FsqError} `FSQ_ENCODE` for an illegal option, `FSQ_COERCE` for an argument that
 * is no text or cannot be written in the charset.
 */
export function construct(args: readonly Argument[], options: NameOptions = {}): string {
  const rules = nameRules(options)
  const texts = args.map((argument) => coerce(argument, rules.charset))
  return constructName(texts, rules)
}

/** {@link construct} for rules that were checked before. */
export function constructName(texts: readonly string[], rules: NameRules): string {
  if (texts.length === 0) return rules.delimiter
  let name = ''
  for (const text of texts) name += rules.delimiter + encodeField(text, rules)
  return name
}
