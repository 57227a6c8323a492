import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a path is a regular file that this process may execute. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Whether execvp(3) finds such a program: by its path, or else in PATH. */
export function canRun(file: string): boolean {
  if (file.includes('/')) return isProgram(file)
  const path = process.env['PATH'] ?? ''
  return path.split(delimiter).some((directory) => isProgram(join(directory, file)))
}

/** Whether it is the path of anything at all, so that execvp(3) does not look in PATH. */
export function isPathOfSomething(file: string): boolean {
  return file.includes('/') && existsSync(file)
}

/** The names of the programs in a directory that begin so; none where it cannot be read. */
export function findPrograms(directory: string, prefix: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.startsWith(prefix))
    return names.filter((name) => isProgram(`${directory}/${name}`))
  } catch {
    return []
  }
}
