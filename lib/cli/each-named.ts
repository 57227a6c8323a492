import type { Cluster } from '../adapters/nxqueue/index.js'
import { FsqError } from '../errors.js'
import { type CliCommand, defineCommand } from './command.js'
import { type ClusterFlags, clusterFlags, withCluster } from './nxqueue-flags.js'

/**
 * A command that does something to each of the jobs, or servers, that its operands name, whatever becomes of the
 * others. It tells what was done with --verbose; its exit status is that of the first failure.
 *
 * @param act - returns what was done, for people
 */
export function eachNamed(
  operands: 'job...' | 'name...',
  act: (cluster: Cluster, name: string) => Promise<string>,
): CliCommand<ClusterFlags> {
  return defineCommand<ClusterFlags>({
    operands,
    atLeast: 1,
    flagsAnywhere: true,
    flags: clusterFlags,
    run: (call) =>
      withCluster(call, async (cluster) => {
        let status = 0
        for (const name of call.operands) {
          try {
            call.chirp(`${name}: ${await act(cluster, name)}`)
          } catch (error) {
            if (!(error instanceof FsqError)) throw error
            call.say(error.message)
            status ||= error.exitStatus
          }
        }
        return status
      }),
  })
}
