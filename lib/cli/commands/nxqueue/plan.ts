import { dryRun, planOnce } from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'
import { launchLines, nxqueueJson } from '../../nxqueue-text.js'
import { print, printLines } from '../../output.js'

interface Flags extends ClusterFlags {
  readonly dryRun?: true
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: '',
  atMost: 0,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(command)
      .option(
        '-n, --dry-run',
        'print what would be launched, and why the rest waits; launch nothing',
      )
      .option('--json', 'a JSON object'),
  async run(call) {
    const make = call.flags.dryRun === true ? dryRun : planOnce
    const planned = await withCluster(call, (cluster) => make(cluster))
    if (call.flags.json === true) await print(nxqueueJson(planned))
    else await printLines(launchLines(planned))
    return 0
  },
})
