import { readEnvironment } from '../../posix/environment.js'
import type { CommandJob } from './job.js'

const prefix = 'FSPL_SET_'

/** What the environment holds for the command of a job: FSPL_SET_NAME=VALUE gives NAME and VALUE. */
export function senderVariables(): CommandJob['environment'] {
  return readEnvironment()
    .filter(([name]) => name.toString('latin1').startsWith(prefix))
    .map(([name, value]) => [name.subarray(prefix.length), value] as const)
}
