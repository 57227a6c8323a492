import { enableServer } from '../../../../adapters/nxqueue/index.js'
import { eachNamed } from '../../../each-named.js'

export default eachNamed('name...', async (cluster, name) => {
  await enableServer(cluster, name)
  return 'enabled'
})
