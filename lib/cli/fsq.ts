// eslint-disable-next-line no-restricted-imports -- to start the pool, and for nothing else
import { access } from 'node:fs'
import { inspect } from 'node:util'
import { expectQuickDisks } from '../posix/sync.js'
import { main } from './main.js'

// A batch, and a server, has many files on their way to the disk at once, and each waits on a thread. The
// size of the pool counts only until something uses it, so this comes before all else; programs that fsq runs must
// not see a variable that was not there.
const hasMany = ['--batch', 'jsonrpcd', 'nats'].some((word) => process.argv.includes(word))
if (hasMany && process.env['UV_THREADPOOL_SIZE'] === undefined) {
  process.env['UV_THREADPOOL_SIZE'] = '16'
  access('/', () => undefined) // Starts the pool.
  delete process.env['UV_THREADPOOL_SIZE']
}

expectQuickDisks()
main(process.argv.slice(2))
  .then((status) => {
    process.exitCode = status
  })
  .catch((error: unknown) => {
    // A mistake of ours. Not with status 1, which is an answer of audit.
    process.stderr.write(`${inspect(error)}\n`)
    process.exitCode = 111
  })
