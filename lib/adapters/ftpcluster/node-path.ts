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
