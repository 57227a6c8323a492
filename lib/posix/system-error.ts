import type { Path } from './path.js'

/** An error with a system's code, for what we find out before, or instead of, the system call. */
export function systemError(code: string, path: Path): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path.toString()}`), { code, path: path.toString() })
}
