import { runAgain } from '../../../adapters/nxqueue/index.js'
import { eachNamed } from '../../each-named.js'

export default eachNamed('job...', async (cluster, name) => {
  await runAgain(cluster, name)
  return 'may run again'
})
