import t from 'tap'
import { check, startProgram } from '../helpers/cli.js'

t.test('a program that hangs is killed with what it started', async (t) => {
  const options = { detached: true, timeout: 500 }
  const { ended } = startProgram('sh', ['-c', 'sleep 300 & echo "it began"; wait'], options)
  check(t, await ended, { status: 'SIGKILL', stdout: 'it began\n' })
})
