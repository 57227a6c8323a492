import t, { type Test } from 'tap'
import type * as NativeModule from '../../lib/posix/native.js'
import { setEnvironment } from '../helpers/environment.js'

/** A fresh native.ts, which has not chosen yet; koffi does not load for it if there is a reason. */
const freshNative = async (t: Test, koffiError?: Error): Promise<typeof NativeModule> => {
  const loadKoffi = (): never => {
    throw koffiError
  }
  const mocks = koffiError && { '../../lib/posix/native-koffi.js': { loadKoffi } }
  return t.mockImport<typeof NativeModule>('../../lib/posix/native.js', mocks ?? {})
}

const nowhere = '/nonexistent'

const choices: [what: string, variables: NodeJS.ProcessEnv, name: string][] = [
  ['koffi is the first choice', { FSQ_NATIVE: undefined }, 'koffi'],
  ['an empty FSQ_NATIVE says nothing', { FSQ_NATIVE: '' }, 'koffi'],
  ['koffi needs no commands', { FSQ_NATIVE: 'koffi', PATH: nowhere }, 'koffi'],
  ['FSQ_NATIVE forces the commands', { FSQ_NATIVE: 'commands' }, 'commands'],
]

for (const [what, variables, name] of choices) {
  t.test(what, async (t) => {
    const { getNative } = await freshNative(t)
    setEnvironment(t, variables)
    t.equal(getNative().name, name)
    t.equal(getNative(), getNative(), 'the choice is made once')
  })
}

t.test('where koffi does not load, the commands stand in', async (t) => {
  const { getNative } = await freshNative(t, new Error('no koffi here'))
  setEnvironment(t, { FSQ_NATIVE: undefined })
  t.equal(getNative().name, 'commands')
})

t.test('where there is neither, nothing runs unlocked', async (t) => {
  const { getNative } = await freshNative(t, new Error('no koffi here'))
  setEnvironment(t, { FSQ_NATIVE: undefined, PATH: nowhere })
  t.throws(() => getNative(), {
    code: 'FSQ_UNSUPPORTED',
    message: /^cannot lock files: .*koffi does not load here and there is no flock\(1\)/,
    cause: { errors: [{ message: 'no koffi here' }, { code: 'FSQ_UNSUPPORTED' }] },
  })
})

t.test('koffi that is forced and does not load is an error', async (t) => {
  const { getNative } = await freshNative(t, new Error('no koffi here'))
  setEnvironment(t, { FSQ_NATIVE: 'koffi' })
  t.throws(() => getNative(), { message: 'no koffi here' })
})

t.test('commands that are forced and not there are an error that names them', async (t) => {
  const { getNative } = await freshNative(t)
  setEnvironment(t, { FSQ_NATIVE: 'commands', PATH: nowhere })
  t.throws(() => getNative(), {
    code: 'FSQ_UNSUPPORTED',
    message: /^cannot run flock\(1\), .* install koffi .* util-linux and coreutils$/,
  })
})

t.test('another FSQ_NATIVE is an error', async (t) => {
  const { getNative } = await freshNative(t)
  setEnvironment(t, { FSQ_NATIVE: 'Koffi' })
  t.throws(() => getNative(), {
    code: 'FSQ_ENV',
    message: 'Expected FSQ_NATIVE to be koffi or commands, got "Koffi"',
  })
})
