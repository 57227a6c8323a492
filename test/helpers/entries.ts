import { writeFileSync } from 'node:fs'
import { entryPath, type Path } from '../../lib/posix/path.js'

/** Puts a file into a directory of a queue, past enqueue; its name may be bytes that are no text. */
export function putEntry(directory: string, name: string, body = ''): Path {
  const path = entryPath(directory, name)
  writeFileSync(path, body)
  return path
}

/** The name of an item from 2012, with some of its fields given. */
export function itemName({
  timestamp = '20120710213904',
  entropy = '0',
  tries = '0',
  args = [],
}: {
  readonly timestamp?: string
  readonly entropy?: string | number
  readonly tries?: string | number
  readonly args?: readonly string[]
} = {}): string {
  return ['', timestamp, entropy, '13044', 'mss', tries, ...args].join('_')
}
