/**
 * The names that operands give: themselves, and for `-` those that are read from stdin, each ended
 * by the separator.
 */
export async function* readNames(
  operands: readonly string[],
  separator: string,
): AsyncGenerator<string> {
  for (const operand of operands) {
    if (operand !== '-') yield operand
    else
      for await (const name of readSeparated(process.stdin, separator)) if (name !== '') yield name
  }
}

/**
 * The texts that are read, each ended by the separator; the last also by the end. Nothing else ends
 * one, as U+2028 does in node:readline, which may stand in a name and in JSON.
 */
export async function* readSeparated(
  input: NodeJS.ReadableStream,
  separator: string,
): AsyncGenerator<string> {
  input.setEncoding('utf8')
  let rest = ''
  for await (const piece of input) {
    const [end = '', ...texts] = String(piece).split(separator)
    rest += end
    for (const text of texts) {
      yield rest
      rest = text
    }
  }
  if (rest !== '') yield rest
}
