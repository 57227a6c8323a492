import { type Cluster } from '../adapters/nxqueue/index.js'
import { FsqError } from '../errors.js'
import type { Call } from './command.js'
import { type ClusterFlags, withCluster } from './nxqueue-flags.js'

/**
 * Does something to each of the jobs, or servers, that operands name, whatever becomes of the others; tells what was
 * done with --verbose.
 *
 * @returns the exit status: that of the last failure, if there was one
 */
export async function eachNamed(
  call: Call<ClusterFlags>,
  act: (cluster: Cluster, name: string) => Promise<string>,
): Promise<number> {
  return withCluster(call, async (cluster) => {
    let status = 0
    for (const name of call.operands) {
      try {
        call.chirp(`${name}: ${await act(cluster, name)}`)
      } catch (error) {
        if (!(error instanceof FsqError)) throw error
        call.say(error.message)
        status = error.exitStatus
      }
    }
    return status
  })
}
