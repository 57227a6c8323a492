import { errnoOf } from '../errors.js'
import { isDirectory, statEntry } from '../posix/names.js'
import { visibleNames } from '../queue/hosts.js'
import { listRoot, type Root } from '../root/root.js'
import type { Settings } from '../settings.js'
import { itemStates } from './list-items.js'

/**
 * The names of the queues in a root, sorted, each with its host queues behind it, and with those that
 * lack directories: what has any of the four may be a queue that somebody has damaged. One that cannot
 * be looked into is among them, to be told of. Hidden directories are none, nor is a name that is not
 * UTF-8.
 *
 * @throws {@link FsqError} `FSQ_NO_ROOT`
 */
export function listQueues({ settings }: Root): string[] {
  const { root, hostsDir } = settings
  return queuesIn(listRoot(root), root, settings).flatMap((name) => {
    const hosts = `${root}/${name}/${hostsDir}`
    const hostQueues = queuesIn(visible(hosts), hosts, settings)
    return [name, ...hostQueues.map((host) => `${name}/${host}`)]
  })
}

function queuesIn(names: readonly string[], parent: string, settings: Settings): string[] {
  const directories = itemStates.map((state) => settings[`${state}Dir`])
  return names.filter((name) => {
    try {
      return directories.some((directory) => statEntry(`${parent}/${name}/${directory}`))
    } catch (error) {
      return errnoOf(error) === 'EACCES' // What is no directory has no entries.
    }
  })
}

/** The directory of host queues may not be there, or not be ours to look into. */
function visible(hosts: string): string[] {
  try {
    return isDirectory(hosts) ? visibleNames(hosts) : []
  } catch {
    return []
  }
}
