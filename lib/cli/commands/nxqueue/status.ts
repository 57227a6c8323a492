import { clusterStatus } from '../../../adapters/nxqueue/index.js'
import { type Call, defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'
import { nxqueueJson, statusLines } from '../../nxqueue-text.js'
import { printLines } from '../../output.js'
import { formatTime } from '../../times.js'
import { UsageError } from '../../usage-error.js'
import { interval } from '../../values.js'
import { defaultInterval, watch } from '../../watch.js'

interface Flags extends ClusterFlags {
  readonly json?: true
  readonly volumes?: true
  readonly watch?: true
  readonly interval?: number
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: '',
  atMost: 0,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(command)
      .option('--json', 'a JSON object')
      .option('--volumes', 'the volumes too, each')
      .option('-w, --watch', 'show it again and again, in place on a terminal')
      .option('-n, --interval <duration>', 'so often with --watch (default: 2s)', interval)
      .option('--utc', 'times in UTC'),
  async run(call) {
    const { flags } = call
    if (flags.interval !== undefined && flags.watch !== true)
      throw new UsageError('--interval is for --watch')
    if (flags.watch !== true) {
      await printLines(await lines(call))
      return 0
    }
    const { interval: seconds = defaultInterval, json } = flags
    await watch({
      interval: seconds,
      toScreen: json !== true,
      whole: false,
      async lines() {
        const shown = await lines(call)
        if (json === true) return shown
        return [
          `every ${seconds}s: fsq nxqueue status  ${formatTime(new Date(), flags)}`,
          '',
          ...shown,
        ]
      },
      print: (shown) => printLines(json === true ? shown : [...shown, '']),
    })
    return 0
  },
})

async function lines(call: Call<Flags>): Promise<string[]> {
  const status = await withCluster(call, (cluster) => clusterStatus(cluster))
  if (call.flags.json === true) return [nxqueueJson(status, call.flags).trimEnd()]
  return [...statusLines(status, call.flags)]
}
