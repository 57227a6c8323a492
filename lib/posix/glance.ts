import { fstatSync, lstatSync } from 'node:fs'
import { type FileStat, getNative, loadedNative, type Native } from './native.js'
import type { Path } from './path.js'

/*
 * What is looked at of a file item by item. Through the backend, where it is loaded, that takes half as long as
 * through Node.js; but to load it takes as long as some hundred looks, which a program that makes a few has not.
 */

/** fstat(2), as far as it is looked at item by item. */
export function glanceAt(fd: number): FileStat {
  return backend()?.fstat?.(fd) ?? fstatSync(fd)
}

/** lstat(2), the same; nothing where there is nothing. */
export function glanceAtName(path: Path): FileStat | undefined {
  const there = backend()?.lstat?.(path)
  if (there !== undefined) return there === 'missing' ? undefined : there
  return lstatSync(path, { throwIfNoEntry: false })
}

/** After so many looks at files without the backend it is loaded. */
const worthLoading = 500

let looks = 0

function backend(): Native | undefined {
  const loaded = loadedNative()
  if (loaded !== undefined || looks++ !== worthLoading) return loaded
  try {
    return getNative()
  } catch {
    return undefined // Who cannot do without it is told when it comes to that.
  }
}
