import { realpathSync } from 'node:fs'

/** The path that leads there without links, `.` and `..`. Throws ENOENT where it leads nowhere. */
export function realPath(path: string): string {
  return realpathSync(path)
}
