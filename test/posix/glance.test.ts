import { fstatSync, openSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Native } from '../../lib/posix/native.js'

/** The module as it is in a process that has not looked at anything yet, and how often it had the backend loaded. */
async function fresh(t: Test, load: () => Native) {
  let loaded: Native | undefined
  let loads = 0
  const { glanceAt, glanceAtName } = await t.mockImport<typeof import('../../lib/posix/glance.js')>(
    '../../lib/posix/glance.js',
    {
      '../../lib/posix/native.js': {
        loadedNative: () => loaded,
        getNative: () => {
          loads++
          return (loaded = load())
        },
      },
    },
  )
  return { glanceAt, glanceAtName, loads: () => loads }
}

const backend = { fstat: () => ({ ino: 7 }), lstat: () => 'missing' } as unknown as Native

t.test(
  'the backend is loaded for who looks at many files, and not for who looks at few',
  async (t) => {
    const { glanceAt, glanceAtName, loads } = await fresh(t, () => backend)
    const fd = openSync(import.meta.filename, 'r')
    const { ino } = fstatSync(fd)
    for (let i = 0; i < 500; i++) if (glanceAt(fd).ino !== ino) t.fail('another file')
    t.equal(loads(), 0)
    t.equal(glanceAt(fd).ino, 7)
    t.equal(glanceAtName(import.meta.filename), undefined, 'it is asked from now on')
    t.equal(loads(), 1)
  },
)

t.test('where there is none Node.js is asked, and no more is tried', async (t) => {
  const { glanceAt, loads } = await fresh(t, () => {
    throw new Error('there is none')
  })
  const fd = openSync(import.meta.filename, 'r')
  const { ino } = fstatSync(fd)
  for (let i = 0; i < 1200; i++) if (glanceAt(fd).ino !== ino) t.fail('another file')
  t.equal(loads(), 1)
})
