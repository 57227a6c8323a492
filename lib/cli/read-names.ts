/**
 * The names that operands give: themselves, and for `-` those that are read from stdin, each ended
 * by the separator.
 */
export async function* readNames(
  operands: readonly string[],
  separator: string,
): AsyncGenerator<string> {
  for (const operand of operands) {
    if (operand === '-') yield* readSeparated(process.stdin, separator)
    else yield operand
  }
}

async function* readSeparated(
  input: NodeJS.ReadableStream,
  separator: string,
): AsyncGenerator<string> {
  input.setEncoding('utf8')
  let rest = ''
  for await (const piece of input) {
    const names = (rest + String(piece)).split(separator)
    rest = names.pop() ?? ''
    for (const name of names) if (name !== '') yield name
  }
  if (rest !== '') yield rest
}
