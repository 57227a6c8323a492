import { type Cluster } from '../adapters/nxqueue/index.js'
import { FsqError } from '../errors.js'
import type { Call } from './command.js'
import { type ClusterFlags, clusterOf } from './nxqueue-flags.js'

/**
 * Does something to each of the jobs that operands name, whatever becomes of the others; tells what was
 * done with --verbose.
 *
 * @returns the exit status: that of the last failure, if there was one
 */
export async function eachNamed(
  call: Call<ClusterFlags>,
  act: (cluster: Cluster, job: string) => Promise<string>,
): Promise<number> {
  const cluster = clusterOf(call)
  let status = 0
  for (const job of call.operands) {
    try {
      call.chirp(`${job}: ${await act(cluster, job)}`)
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      call.say(error.message)
      status = error.exitStatus
    }
  }
  return status
}
