import { processorCommand } from '../../processor-command.js'

export default processorCommand(['remove'])
