import t from 'tap'
import { errnoOf, errorCodes, FsqError, type FsqErrorCode, reasonOf } from '../lib/errors.js'

const codes = Object.keys(errorCodes) as FsqErrorCode[]

for (const code of codes) {
  t.test(`${code} is an error with a meaning and an exit status`, async (t) => {
    const error = new FsqError(code, 'a message')
    t.match(error, { name: 'FsqError', message: 'a message', code })
    t.type(error, Error)
    t.match(code, /^FSQ_[A-Z_]+$/)
    t.match(errorCodes[code].meaning, /^[a-z].*[^.]$/, 'words that continue a sentence')
    t.ok([100, 111].includes(error.exitStatus), 'a status of fsq(1)')
  })
}

t.test('bad usage alone exits with 100', async (t) => {
  t.strictSame(
    codes.filter((code) => new FsqError(code, '').exitStatus === 100),
    ['FSQ_USAGE'],
  )
})

t.test('an error carries the fields that it is given, and no others', async (t) => {
  const cause = new Error('the cause')
  const all = new FsqError('FSQ_SCAN', 'm', {
    queue: 'q',
    id: '_1',
    path: '/p',
    errno: 'EIO',
    cause,
  })
  t.match(all, { queue: 'q', id: '_1', path: '/p', errno: 'EIO' })
  t.equal(all.cause, cause)
  t.strictSame(Object.keys(new FsqError('FSQ_SCAN', 'm')).sort(), ['code', 'name'])
  t.notOk('cause' in new FsqError('FSQ_SCAN', 'm'))
})

const systemError = (code: string): Error => Object.assign(new Error('the message'), { code })

t.test('the errno of an error is that of its cause, unless it is given', async (t) => {
  const cause = systemError('ENOSPC')
  const error = new FsqError('FSQ_ENQUEUE', 'm', { cause })
  t.equal(error.errno, 'ENOSPC')
  t.equal(new FsqError('FSQ_ENQUEUE', 'm', { cause: error }).errno, 'ENOSPC')
  t.equal(new FsqError('FSQ_ENQUEUE', 'm', { cause, errno: 'EIO' }).errno, 'EIO')
})

const thrown: [what: string, value: unknown, errno: string | undefined][] = [
  ['a system error', systemError('ENOENT'), 'ENOENT'],
  ['an errno with digits', systemError('E2BIG'), 'E2BIG'],
  ['an error of Node.js itself', systemError('ERR_INVALID_ARG_TYPE'), undefined],
  ['another code', systemError('MODULE_NOT_FOUND'), undefined],
  ['a code that is a number', Object.assign(new Error(), { code: 2 }), undefined],
  ['an error without a code', new Error('EIO'), undefined],
  ['no error', { code: 'ENOENT' }, undefined],
  ['nothing', undefined, undefined],
]

for (const [what, value, errno] of thrown) {
  t.test(`${what} has ${errno === undefined ? 'no errno' : `the errno ${errno}`}`, async (t) => {
    t.equal(errnoOf(value), errno)
  })
}

t.test('the reason of a system error is in plain words', async (t) => {
  t.equal(reasonOf(systemError('ENOSPC')), 'no space is left on the disk')
  t.equal(reasonOf(systemError('EROFS')), 'the file system is mounted read-only')
})

t.test('the reason of any other error is its message', async (t) => {
  t.equal(reasonOf(systemError('ESTRANGE')), 'the message')
  t.equal(reasonOf(new Error('the message')), 'the message')
  t.equal(reasonOf('a string'), 'a string')
})
