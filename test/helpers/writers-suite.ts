import { chmodSync, chownSync, closeSync, openSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { close, openEntry } from '../../lib/posix/files.js'
import { watchWriters } from '../../lib/posix/writers.js'
import { startProgram } from './cli.js'
import { temporaryDirectory } from './temporary.js'

const linux = process.platform === 'linux' ? {} : { skip: 'needs Linux' }

/** Tests how writers are watched, with the backend of this process. */
export function testWriters(hasLeases: boolean): void {
  t.test('who has a file open for writing is seen', linux, async (t) => {
    const path = `${temporaryDirectory(t)}/file`
    writeFileSync(path, '')
    const fd = openEntry(path)
    t.teardown(() => {
      close(fd)
    })
    const reader = openSync(path, 'r')
    for (const flags of ['a', 'w', 'r+']) {
      const writer = openSync(path, flags)
      t.equal(watchWriters(fd), undefined, flags)
      closeSync(writer)
    }
    const watch = watchWriters(fd)
    t.equal(watch?.isBroken(), false, 'a reader does not matter')
    closeSync(reader)
    watch?.[Symbol.dispose]()
  })

  t.test('who comes later breaks the watch', linux, async (t) => {
    const path = `${temporaryDirectory(t)}/file`
    writeFileSync(path, '')
    const fd = openEntry(path)
    t.teardown(() => {
      close(fd)
    })
    const watch = watchWriters(fd)
    const writer = startProgram('sh', ['-c', 'exec 3>>"$0"; echo open; read _', path], {
      input: { later: true },
    })
    if (!hasLeases) await writer.line()
    while (watch?.isBroken() === false) await new Promise(setImmediate)
    t.pass('it is broken, and this process lives')
    watch?.[Symbol.dispose]()
    if (hasLeases) t.equal(await writer.line(), 'open', 'who waited goes on')
    t.equal(watchWriters(fd), undefined, 'there is no watch while it is open')
    writer.end()
    await writer.ended
    const again = watchWriters(fd)
    t.equal(again?.isBroken(), false)
    again?.[Symbol.dispose]()
  })

  const skip = process.getuid?.() === 0 ? linux.skip : 'needs root'
  t.test("root watches others' files", { ...(skip === undefined ? {} : { skip }) }, async (t) => {
    const path = `${temporaryDirectory(t)}/file`
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    chownSync(path, 12345, 12345)
    const fd = openEntry(path)
    t.teardown(() => {
      close(fd)
    })
    const watch = watchWriters(fd)
    t.equal(watch?.isBroken(), false)
    watch?.[Symbol.dispose]()
    process.seteuid?.(12346)
    try {
      t.throws(() => watchWriters(fd), { code: 'EPERM' }, 'nobody else can')
    } finally {
      process.seteuid?.(0)
    }
  })
}
