import t from 'tap'
import { getNative } from '../../lib/posix/native.js'
import { setEnvironment } from '../helpers/environment.js'
import { testFindings } from '../helpers/findings-suite.js'

setEnvironment(t, { FSQ_NATIVE: 'commands' })
t.equal(getNative().name, 'commands')
testFindings()
