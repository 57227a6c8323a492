import { lstatSync } from 'node:fs'

/** The mode of a file as chmod(1) takes it, as `640`. */
export function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o7777).toString(8)
}
