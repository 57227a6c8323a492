import { errnoOf } from '../errors.js'
import { statEntry } from '../posix/names.js'
import { listRoot, type Root } from '../root/root.js'
import { itemStates } from './list-items.js'

/**
 * The names of the queues in a root, sorted, with those that lack directories: what has any of the
 * four may be a queue that somebody has damaged. One that cannot be looked into is among them, to
 * be told of. Hidden directories are none, nor is a name that is not UTF-8.
 *
 * @throws {@link FsqError} `FSQ_NO_ROOT`
 */
export function listQueues({ settings }: Root): string[] {
  const { root } = settings
  const directories = itemStates.map((state) => settings[`${state}Dir`])
  const isQueue = (name: string): boolean => {
    try {
      return directories.some((directory) => statEntry(`${root}/${name}/${directory}`))
    } catch (error) {
      return errnoOf(error) === 'EACCES' // What is no directory has no entries.
    }
  }
  return listRoot(root).filter(isQueue)
}
