import { releaseJob } from '../../../adapters/nxqueue/index.js'
import { eachNamed } from '../../each-named.js'

export default eachNamed('job...', async (cluster, name) => {
  await releaseJob(cluster, name)
  return 'released'
})
