import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { openRoot, type Root } from '../../lib/root/root.js'
import { entriesOf, temporaryDirectory } from './temporary.js'

/** The home of an ftpcluster called `cluster`, and a root without queues. */
export interface ClusterPlace {
  readonly directory: string
  readonly home: string
  readonly root: Root
  /** Writes a file in the home, made of these bytes. */
  readonly write: (path: string, bytes: string | Buffer) => string
  /** The bodies of all items in a queue or a host queue, in the order of their names. */
  readonly bodies: (queue: string) => string[]
  /** What is in `.queue`. */
  readonly files: () => string[]
}

/** A new {@link ClusterPlace}, with these queue files; it goes when the test ends. */
export function clusterPlace(
  t: Test,
  files: Readonly<Record<string, string>> = {},
  directory = temporaryDirectory(t),
): ClusterPlace {
  const home = `${directory}/cluster`
  for (const name of ['.queue', '.deleted']) mkdirSync(`${home}/${name}`, { recursive: true })
  const root = openRoot({ root: `${directory}/root` })
  const write = (path: string, bytes: string | Buffer): string => {
    writeFileSync(`${home}/${path}`, bytes)
    return `${home}/${path}`
  }
  for (const [name, text] of Object.entries(files)) write(`.queue/${name}`, text)
  return {
    directory,
    home,
    root,
    write,
    bodies: (queue) => {
      const path = `${directory}/root/${queue}/queue`
      return entriesOf(path).map((name) => readFileSync(`${path}/${name}`, 'latin1'))
    },
    files: () => entriesOf(`${home}/.queue`),
  }
}
