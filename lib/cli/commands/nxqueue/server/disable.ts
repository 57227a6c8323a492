import { disableServer } from '../../../../adapters/nxqueue/index.js'
import { eachNamed } from '../../../each-named.js'

export default eachNamed('name...', async (cluster, name) => {
  await disableServer(cluster, name)
  return 'disabled'
})
