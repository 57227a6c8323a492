import t from 'tap'
import { loadCommands } from '../../lib/posix/native-commands.js'
import { testNative } from '../helpers/native-suite.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const commands = loadCommands()

t.equal(commands.name, 'commands')
testNative(commands)

t.test('a FIFO cannot have a name that is no text', async (t) => {
  const path = Buffer.concat([Buffer.from(`${temporaryDirectory(t)}/`), Buffer.of(0xff)])
  t.throws(
    () => {
      commands.mkfifo(path, 0o600)
    },
    { code: 'FSQ_UNSUPPORTED', message: 'a path that is not UTF-8 needs the npm package koffi' },
  )
})
