import t from 'tap'
import { getNative } from '../../lib/posix/native.js'
import { testWriters } from '../helpers/writers-suite.js'

process.env['FSQ_NATIVE'] = 'commands'
t.equal(getNative().fcntl, undefined, 'there are no leases')
testWriters(false)
