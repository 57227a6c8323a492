import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type * as Names from '../../lib/posix/names.js'
import { close, openDirectory, openEntry } from '../../lib/posix/files.js'
import type { Native } from '../../lib/posix/native.js'
import type { Path } from '../../lib/posix/path.js'
import { modeOf } from './mode.js'
import { pythonLock, withoutPython } from './python.js'
import { entriesOf, temporaryDirectory, underUmask } from './temporary.js'

/** What every backend has to do, whichever way it does it. */
export function testNative(native: Native): void {
  const temporaryFile = (t: Test): string => {
    const path = `${temporaryDirectory(t)}/file`
    writeFileSync(path, 'a body')
    return path
  }
  const opened = (t: Test, path: string): number => {
    const fd = openEntry(path)
    t.teardown(() => {
      close(fd)
    })
    return fd
  }

  t.test('a file that is open for reading alone is locked', async (t) => {
    const fd = openSync(temporaryFile(t), 'r')
    t.equal(native.flock(fd), true)
    close(fd)
  })

  t.test('a second open file of the same process does not get the lock', async (t) => {
    const path = temporaryFile(t)
    t.equal(native.flock(opened(t, path)), true)
    t.equal(native.flock(opened(t, path)), false)
  })

  t.test('the open file that has the lock gets it again', async (t) => {
    const fd = opened(t, temporaryFile(t))
    t.equal(native.flock(fd), true)
    t.equal(native.flock(fd), true)
  })

  t.test('closing gives up the lock', async (t) => {
    const path = temporaryFile(t)
    const first = openEntry(path)
    const second = opened(t, path)
    t.equal(native.flock(first), true)
    t.equal(native.flock(second), false)
    close(first)
    t.equal(native.flock(second), true)
  })

  t.test('unlocking lets others in, though a child has the same open file', async (t) => {
    const path = temporaryFile(t)
    const ours = opened(t, path)
    const other = opened(t, path)
    t.equal(native.flock(ours), true)
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', ours] })
    t.teardown(() => child.kill())
    t.equal(native.flock(other), false)
    native.unlock(ours)
    t.equal(native.flock(other), true)
  })

  t.test('the lock lives on in a child that inherits the descriptor', async (t) => {
    const path = temporaryFile(t)
    const ours = openEntry(path)
    const other = opened(t, path)
    t.equal(native.flock(ours), true)
    const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'inherit', ours] })
    await once(child, 'spawn')
    close(ours)
    t.equal(native.flock(other), false, 'while the child lives')
    child.stdin?.end()
    await once(child, 'close')
    t.equal(native.flock(other), true, 'once it has ended')
  })

  for (const kind of ['LOCK_EX', 'LOCK_SH'] as const) {
    t.test(
      `a file that Python has locked with ${kind} is busy`,
      { skip: withoutPython },
      async (t) => {
        const path = temporaryFile(t)
        const fd = opened(t, path)
        const python = await pythonLock(t, path, kind)
        t.equal(python.answer, 'locked')
        t.equal(native.flock(fd), false)
        await python.end()
        t.equal(native.flock(fd), true)
      },
    )
  }

  t.test('a file that we have locked is busy for Python', { skip: withoutPython }, async (t) => {
    const path = temporaryFile(t)
    const fd = openEntry(path)
    t.equal(native.flock(fd), true)
    const denied = await pythonLock(t, path)
    t.equal(denied.answer, 'busy')
    close(fd)
    const granted = await pythonLock(t, path)
    t.equal(granted.answer, 'locked')
    await Promise.all([denied.end(), granted.end()])
  })

  t.test('a FIFO is made under the umask', async (t) => {
    const path = `${temporaryDirectory(t)}/fifo`
    await underUmask(0o077, () => {
      native.mkfifo(path, 0o600)
    })
    t.ok(lstatSync(path).isFIFO())
    t.equal(modeOf(path), '600')
  })

  t.test('a FIFO is not made where there is something', async (t) => {
    const path = temporaryFile(t)
    t.throws(
      () => {
        native.mkfifo(path, 0o600)
      },
      { code: 'EEXIST' },
    )
    t.equal(readFileSync(path, 'utf8'), 'a body')
  })

  t.test('a FIFO is not made where there is no directory', async (t) => {
    const directory = temporaryDirectory(t)
    t.throws(
      () => {
        native.mkfifo(`${directory}/missing/fifo`, 0o600)
      },
      { code: 'ENOENT' },
    )
  })

  t.test('the file system of a directory is synced', async (t) => {
    const fd = openDirectory(temporaryDirectory(t))
    await t.resolves(native.syncfs(fd))
    close(fd)
  })

  t.test('two files exchange their names, or it is said that they cannot', async (t) => {
    const names = await t.mockImport<typeof Names>('../../lib/posix/names.js', {
      '../../lib/posix/native.js': { getNative: () => native },
    })
    const directory = temporaryDirectory(t)
    for (const name of ['one', 'other']) writeFileSync(`${directory}/${name}`, name)
    const exchange = (): void => {
      names.exchangeFiles(`${directory}/one`, `${directory}/other`)
    }
    if (native.name === 'commands') {
      t.throws(exchange, { code: 'FSQ_UNSUPPORTED' })
      return
    }
    exchange()
    t.equal(readFileSync(`${directory}/one`, 'utf8'), 'other')
    t.equal(readFileSync(`${directory}/other`, 'utf8'), 'one')
    t.throws(
      () => {
        names.exchangeFiles(`${directory}/one`, `${directory}/missing`)
      },
      { code: 'ENOENT' },
    )
  })

  t.test('renameNoReplace', async (t) => {
    const names = await t.mockImport<typeof Names>('../../lib/posix/names.js', {
      '../../lib/posix/native.js': { getNative: () => native },
    })
    /** A directory with the files `from` and `taken`, and the directories `folder` and `full`. */
    const populated = (t: Test): string => {
      const directory = temporaryDirectory(t)
      for (const name of ['from', 'taken']) writeFileSync(`${directory}/${name}`, name)
      mkdirSync(`${directory}/folder`)
      mkdirSync(`${directory}/full`)
      writeFileSync(`${directory}/full/file`, '')
      return directory
    }

    /** As a caller has to: what was linked loses its old name. */
    const move = (from: string, to: Path): void => {
      if (names.moveNoReplace(from, to) === 'linked') names.unlink(from)
    }

    t.test('moves a file to a free name', async (t) => {
      const directory = populated(t)
      const { ino } = lstatSync(`${directory}/from`)
      move(`${directory}/from`, `${directory}/to`)
      t.equal(lstatSync(`${directory}/to`).ino, ino)
      t.strictSame(entriesOf(directory), ['folder', 'full', 'taken', 'to'])
    })

    t.test('moves a directory with what is in it to a free name', async (t) => {
      const directory = populated(t)
      move(`${directory}/full`, `${directory}/to`)
      t.strictSame(entriesOf(`${directory}/to`), ['file'])
      t.strictSame(entriesOf(directory), ['folder', 'from', 'taken', 'to'])
    })

    for (const from of ['from', 'full']) {
      for (const to of ['taken', 'folder']) {
        t.test(`throws EEXIST for ${from} to ${to}, and changes nothing`, async (t) => {
          const directory = populated(t)
          const before = readdirSync(directory, { recursive: true }).sort()
          t.throws(
            () => {
              move(`${directory}/${from}`, `${directory}/${to}`)
            },
            { code: 'EEXIST' },
          )
          t.strictSame(readdirSync(directory, { recursive: true }).sort(), before)
          t.equal(readFileSync(`${directory}/taken`, 'utf8'), 'taken')
        })
      }
    }

    t.test('throws ENOENT where there is nothing to move', async (t) => {
      const directory = populated(t)
      t.throws(
        () => {
          move(`${directory}/missing`, `${directory}/to`)
        },
        { code: 'ENOENT' },
      )
      t.throws(
        () => {
          move(`${directory}/from`, `${directory}/missing/to`)
        },
        { code: 'ENOENT' },
      )
      t.equal(readFileSync(`${directory}/from`, 'utf8'), 'from')
    })

    t.test('moves a name that is no text', async (t) => {
      const directory = populated(t)
      const path = Buffer.concat([Buffer.from(`${directory}/`), Buffer.of(0xff)])
      move(`${directory}/from`, path)
      t.strictSame(names.listNames(directory).at(-1), '\xff')
    })
  })
}
