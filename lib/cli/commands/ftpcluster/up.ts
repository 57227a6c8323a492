import { bringNodeUp } from '../../../adapters/ftpcluster/nodes-down.js'
import { nodesCommand } from '../../nodes-command.js'

export default nodesCommand(bringNodeUp)
