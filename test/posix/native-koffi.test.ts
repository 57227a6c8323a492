import t from 'tap'
import { loadKoffi } from '../../lib/posix/native-koffi.js'
import { testNative } from '../helpers/native-suite.js'
import { lstatSync } from 'node:fs'
import { temporaryDirectory } from '../helpers/temporary.js'

const koffi = loadKoffi()

t.equal(koffi.name, 'koffi')
testNative(koffi)

t.test('a descriptor that is not open is a system error', async (t) => {
  t.throws(() => koffi.flock(-1), { code: 'EBADF', syscall: 'flock', message: 'EBADF: flock' })
})

t.test('a syncfs that fails is an error of the disk, whatever it was', async (t) => {
  await t.rejects(koffi.syncfs(-1), { code: 'EIO', syscall: 'syncfs', message: 'EIO: syncfs' })
})

t.test('a FIFO may have a name that is no text', async (t) => {
  const path = Buffer.concat([Buffer.from(`${temporaryDirectory(t)}/`), Buffer.of(0xff)])
  koffi.mkfifo(path, 0o600)
  t.ok(lstatSync(path).isFIFO())
})
