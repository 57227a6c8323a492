import { testFindings } from '../helpers/findings-suite.js'

testFindings()
