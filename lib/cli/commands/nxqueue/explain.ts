import { explainJob } from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'
import { explanationLines, nxqueueJson } from '../../nxqueue-text.js'
import { print, printLines } from '../../output.js'

interface Flags extends ClusterFlags {
  readonly json?: true
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: 'job',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(command).option('--json', 'a JSON object').option('--utc', 'times in UTC'),
  async run(call) {
    const explanation = await withCluster(call, (cluster) =>
      explainJob(cluster, call.operands[0] ?? ''),
    )
    if (call.flags.json === true) await print(nxqueueJson(explanation, call.flags))
    else await printLines(explanationLines(explanation, call.flags))
    return 0
  },
})
