import { lstatSync, readdirSync } from 'node:fs'
import { entryPath, type Path } from '../../lib/posix/path.js'

/** All that is below a directory, so exactly that any change to it shows. */
export function snapshot(directory: string): string[] {
  const names = readdirSync(directory, 'latin1').sort()
  return [about(directory), ...names.flatMap((name) => below(directory, name))]
}

function below(directory: string, name: string): string[] {
  const path = entryPath(directory, name)
  return lstatSync(path).isDirectory() ? snapshot(path.toString()) : [about(path)]
}

function about(path: Path): string {
  const { ino, mode, uid, gid, nlink, size, mtimeMs, ctimeMs } = lstatSync(path)
  return [path.toString('latin1'), ino, mode, uid, gid, nlink, size, mtimeMs, ctimeMs].join(' ')
}
