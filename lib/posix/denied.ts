import { dirname } from 'node:path'
import { errnoOf, reasonOf } from '../errors.js'
import { statEntry } from './names.js'

/**
 * Why a system call failed, in plain words; where permission was denied, with the files or directories that
 * the call was about, as `permission denied (/a/file)` or `(/a/file to /b)`: of all that is used for one
 * attempt, the one that is closed to us is not to be guessed.
 *
 * @param told - what is said already, and need not be said again
 * @param path - one more path that it was about, which the error may not know of
 */
export function reasonWithPlace(error: unknown, told: string, path?: string): string {
  const reason = reasonOf(error)
  if (errnoOf(error) !== 'EACCES') return reason
  const { path: from, dest } = error as { readonly path?: unknown; readonly dest?: unknown }
  const places = [from, dest, path]
    // A path below a descriptor says nothing to anybody else.
    .filter((place) => typeof place === 'string' && /^\/(?!proc\/)/.test(place))
    .map((place) => closedPlace(place as string))
    .filter((place) => !told.includes(place))
  return places.length === 0 ? reason : `${reason} (${[...new Set(places)].join(' to ')})`
}

/**
 * What is not there was to be made, and what cannot be looked at is behind a directory: that is what does not
 * let us.
 */
function closedPlace(path: string): string {
  try {
    return statEntry(path) === undefined ? dirname(path) : path
  } catch {
    return closedPlace(dirname(path))
  }
}
