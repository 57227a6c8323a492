import { exportCluster } from '../../../adapters/ftpcluster/export.js'
import { defineCommand } from '../../command.js'
import { jsonLine, print } from '../../output.js'
import { type ClusterFlags, clusterFlags } from './cluster-flags.js'
import { type LockFlags, lockFlags } from './lock-flags.js'

interface Flags extends ClusterFlags, LockFlags {
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: 'home',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    lockFlags(clusterFlags(command.option('--json', 'print what came of it as a JSON object'))),
  async run({ operands, flags, root, say, chirp }) {
    const [home = ''] = operands
    const result = await exportCluster(root(), home, {
      ...flags,
      onEvent: (event) => {
        if (event.type === 'exported') chirp(`${event.file}: ${event.jobs} jobs`)
        else if (event.type === 'lock') say(event.message)
        else say(`${event.queue}: ${event.id}: left: ${event.reason}`)
      },
    })
    if (flags.json === true) await print(jsonLine(result))
    chirp(`${result.jobs} jobs to ${result.files} files; ${result.left} items left`)
    return 0
  },
})
