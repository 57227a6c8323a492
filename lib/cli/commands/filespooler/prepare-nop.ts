import { prepareEmpty } from './prepare-empty.js'

export default prepareEmpty('nop')
