import { createHash } from 'node:crypto'
import { bytesOf } from './escape.js'
import { localStamp } from './local-stamp.js'

/**
 * Where a node keeps a copy: two directories by the digits of the mtime, so that none has too many
 * entries, and the local time with the name, `61/47/030210-033921-rfc-0959.txt`.
 *
 * @param name - the last part of the path of the file
 * @param mtime - in seconds of the epoch
 */
export function nodePath(name: string, mtime: number): string {
  if (name === '' || name.includes('/'))
    throw new TypeError(`Expected a name without /, got ${name}`)
  const [first, second] = [mtime % 100, Math.floor(mtime / 100) % 100]
  return `${first}/${second}/${localStamp(new Date(mtime * 1000))}-${name}`
}

/**
 * The same for a copy that we make: `61/47/030210-033921-9f86d081884c-rfc-0959.txt`. No two jobs share a
 * path: two files may have one name and one mtime in different directories, as of a tree that was unpacked;
 * and where a file is removed and uploaded anew, the removal of the old copy may come after the new one.
 *
 * @param name - the path of the file in the FTP space
 * @param mtime - in seconds of the epoch
 * @param job - what tells the job from any other; the same however often it is tried
 */
export function pathOfCopy(name: string, mtime: number, job: string): string {
  const digest = createHash('sha256').update(job).update('\0').update(bytesOf(name)).digest('hex')
  return nodePath(`${digest.slice(0, 12)}-${shortened(name.split('/').pop() ?? '')}`, mtime)
}

/** Whether a path names a way up: where that ends only the node knows. */
export function hasWayUp(nodepath: string): boolean {
  return nodepath.split('/').includes('..')
}

/**
 * Whether two paths may be one on a node. Where one with `/` in front begins, at the directory that the login
 * leads to or above it, is for the node to say: it may be any that it ends with.
 */
export function isSamePath(one: string, other: string): boolean {
  const [path, rooted] = one.startsWith('/') ? [other, one] : [one, other]
  const [parts, all] = [partsOf(path), partsOf(rooted)]
  const isEither = rooted.startsWith('/') && !path.startsWith('/')
  const from = isEither ? Math.max(0, all.length - parts.length) : 0
  return all.slice(from).join('/') === parts.join('/')
}

/** What paths are looked up by: two that may be one have this in common. */
export function lastPart(nodepath: string): string {
  return partsOf(nodepath).at(-1) ?? ''
}

/** The parts of a path, without those that say nothing: `a//./b` is `a/b`. */
function partsOf(nodepath: string): string[] {
  return nodepath.split('/').filter((part) => part !== '' && part !== '.')
}

/** A name that leaves space in the 255 bytes that a file system has for one. */
function shortened(name: string): string {
  const characters = Array.from(name)
  while (bytesOf(characters.join('')).length > 180) characters.pop()
  return characters.join('')
}
