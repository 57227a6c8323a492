import { readFileSync } from 'node:fs'

/** A variable, as the bytes that it is. */
export type RawVariable = readonly [name: Buffer, value: Buffer]

/**
 * The variables of the environment in the order of environ(7). Node.js knows them as text, with U+FFFD for
 * what is not UTF-8; Linux still has the bytes with which the process was started.
 */
export function readEnvironment(): RawVariable[] {
  const texts = Object.entries(process.env).map(([name, value = '']) => [name, value] as const)
  const isLost = texts.some(([name, value]) => `${name}${value}`.includes('\ufffd'))
  return (
    (isLost ? readRaw() : undefined) ??
    texts.map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
  )
}

function readRaw(): RawVariable[] | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync('/proc/self/environ')
  } catch {
    return undefined // Another system.
  }
  return bytes
    .toString('latin1')
    .split('\0')
    .filter((word) => word !== '')
    .map((word) => {
      const end = word.indexOf('=', 1)
      const [name, value] = end < 0 ? [word, ''] : [word.slice(0, end), word.slice(end + 1)]
      return [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')] as const
    })
}
