import { cancelJob } from '../../../adapters/nxqueue/index.js'
import { eachNamed } from '../../each-named.js'

export default eachNamed('job...', async (cluster, name) => {
  const how = await cancelJob(cluster, name)
  return how === 'ending' ? 'it is ended where it is' : how
})
