import { accessSync, constants } from 'node:fs'

/**
 * access(2): whether we may make, rename and remove entries of a directory.
 *
 * @throws the system's error where we may not, with EACCES or EROFS.
 */
export function checkWritable(directory: string): void {
  accessSync(directory, constants.W_OK | constants.X_OK)
}
