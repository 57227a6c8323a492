import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import type * as Fifo from '../../lib/posix/fifo.js'
import { loadCommands } from '../../lib/posix/native-commands.js'
import { loadKoffi } from '../../lib/posix/native-koffi.js'
import { modeOf } from '../helpers/mode.js'
import { temporaryDirectory, underUmask } from '../helpers/temporary.js'

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

for (const native of [loadKoffi(), loadCommands()]) {
  t.test(`with the backend ${native.name}`, async (t) => {
    const { makeFifo, pullFifo } = await t.mockImport<typeof Fifo>('../../lib/posix/fifo.js', {
      '../../lib/posix/native.js': { getNative: () => native },
    })

    const madeFifo = (t: Test): string => {
      const path = `${temporaryDirectory(t)}/fifo`
      makeFifo(path, { mode: 0o600 })
      return path
    }
    const listenTo = (t: Test, path: string): number => {
      const fd = openSync(path, O_RDONLY | O_NONBLOCK)
      t.teardown(() => {
        closeSync(fd)
      })
      return fd
    }

    for (const mask of [0o077, 0o000]) {
      for (const mode of [0o640, 0o666, 0o200]) {
        const octal = mode.toString(8)
        t.test(`a FIFO has the mode ${octal} under the umask ${mask.toString(8)}`, async (t) => {
          const path = `${temporaryDirectory(t)}/fifo`
          await underUmask(mask, () => {
            makeFifo(path, { mode })
          })
          t.ok(lstatSync(path).isFIFO())
          t.equal(modeOf(path), octal)
        })
      }
    }

    t.test('a FIFO that exists stays, and gets the mode', async (t) => {
      const path = madeFifo(t)
      const { ino } = lstatSync(path)
      makeFifo(path, { mode: 0o622 })
      t.equal(lstatSync(path).ino, ino)
      t.equal(modeOf(path), '622')
    })

    t.test('a regular file in its place is neither written to nor changed', async (t) => {
      const path = `${temporaryDirectory(t)}/fifo`
      writeFileSync(path, 'precious', { mode: 0o600 })
      const refused = { code: 'EINVAL', message: `not a FIFO: ${path}` }
      t.throws(() => {
        makeFifo(path, { mode: 0o666 })
      }, refused)
      t.throws(() => {
        pullFifo(path)
      }, refused)
      t.equal(readFileSync(path, 'utf8'), 'precious')
      t.equal(modeOf(path), '600')
    })

    t.test('a directory in its place is refused', async (t) => {
      const path = `${temporaryDirectory(t)}/fifo`
      mkdirSync(path)
      t.throws(
        () => {
          makeFifo(path, { mode: 0o666 })
        },
        { code: 'EISDIR' },
      )
    })

    t.test('a symbolic link in its place is not followed', async (t) => {
      const target = madeFifo(t)
      const listener = listenTo(t, target)
      const path = `${target}-link`
      symlinkSync(target, path)
      const refused = { code: 'ELOOP' }
      t.throws(() => {
        makeFifo(path, { mode: 0o666 })
      }, refused)
      t.throws(() => {
        pullFifo(path)
      }, refused)
      t.equal(modeOf(target), '600')
      t.equal(readSync(listener, Buffer.alloc(8)), 0)
    })

    t.test('a pull writes one byte for who listens', async (t) => {
      const path = madeFifo(t)
      const listener = listenTo(t, path)
      pullFifo(path)
      t.equal(readSync(listener, Buffer.alloc(8)), 1)
    })

    t.test('a full pipe is success', async (t) => {
      const path = madeFifo(t)
      const listener = listenTo(t, path)
      const writer = openSync(path, O_WRONLY | O_NONBLOCK)
      t.teardown(() => {
        closeSync(writer)
      })
      const fill = (): void => {
        for (;;) writeSync(writer, Buffer.alloc(4096))
      }
      t.throws(fill, { code: 'EAGAIN' }, 'the pipe is full')
      t.doesNotThrow(() => {
        pullFifo(path)
      })
      t.ok(readSync(listener, Buffer.alloc(4096)) > 0)
    })

    t.test('nobody who listens is ENXIO', async (t) => {
      const path = madeFifo(t)
      t.throws(
        () => {
          pullFifo(path)
        },
        { code: 'ENXIO' },
      )
    })

    t.test('nothing there is ENOENT', async (t) => {
      const path = `${temporaryDirectory(t)}/fifo`
      t.throws(
        () => {
          pullFifo(path)
        },
        { code: 'ENOENT' },
      )
    })

    t.test('no descriptor is left open', async (t) => {
      const path = madeFifo(t)
      const listener = openSync(path, O_RDONLY | O_NONBLOCK)
      pullFifo(path)
      closeSync(listener)
      linkSync(path, `${path}-other`)
      t.throws(
        () => {
          pullFifo(path)
        },
        { code: 'ENXIO' },
        'makeFifo, which opens for reading too, has closed it',
      )
    })
  })
}
