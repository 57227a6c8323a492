import { getNative } from '../../lib/posix/native.js'
import { testWriters } from '../helpers/writers-suite.js'

testWriters(getNative().fcntl !== undefined)
