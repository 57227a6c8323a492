import { importCluster } from '../../../adapters/ftpcluster/import.js'
import { defineCommand } from '../../command.js'
import { reportImport } from '../../import-report.js'
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
  async run(call) {
    const { operands, flags, root, chirp } = call
    const [home = ''] = operands
    const result = await importCluster(root(), home, {
      ...flags,
      onEvent: (event) => {
        reportImport(event, call)
      },
    })
    if (flags.json === true) await print(jsonLine(result))
    const { files, added, present, left } = result
    chirp(`${files} files: ${added} jobs added, ${present} there already; ${left} files left`)
    return 0
  },
})
