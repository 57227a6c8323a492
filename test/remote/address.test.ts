import t from 'tap'
import { parseAddress } from '../../lib/remote/address.js'

const good = [
  ['http://host:7771/', 'http://host:7771/', { host: 'host', port: 7771 }, '/', ''],
  ['http://host', 'http://host/', { host: 'host', port: 80 }, '/', ''],
  ['https://host', 'https://host/', { host: 'host', port: 443 }, '/', ''],
  ['HTTP://Host:1/RPC2', 'http://host:1/RPC2', { host: 'host', port: 1 }, '/RPC2', ''],
  ['http://[::1]:7771/', 'http://[::1]:7771/', { host: '::1', port: 7771 }, '/', ''],
  ['http://host/fsq/', 'http://host/fsq/', { host: 'host', port: 80 }, '/fsq/', '/fsq'],
  ['http://host/fsq/RPC2', 'http://host/fsq/RPC2', { host: 'host', port: 80 }, '/fsq/RPC2', '/fsq'],
  ['unix:///run/fsq.sock', 'unix:///run/fsq.sock', { socketPath: '/run/fsq.sock' }, '/', ''],
  // As fsq-push(1) of the Python fsq writes it.
  ['unix://var/sock/foo.sock', 'unix:///var/sock/foo.sock', { socketPath: '/var/sock/foo.sock' }],
  ['unix:fsq.sock', 'unix://fsq.sock', { socketPath: 'fsq.sock' }],
] as const

for (const [text, name, where, path = '/', base = ''] of good) {
  t.test(`${text} is an address`, async (t) => {
    const address = parseAddress(text)
    t.strictSame(
      { name: address.name, where: address.where, path: address.path, base: address.base },
      { name, where, path, base },
    )
    t.equal(address.authorization, undefined)
  })
}

const bad = [
  '',
  'host:7771',
  'ftp://host/',
  'http:/host',
  'http://',
  'unix:',
  'unix:///',
  'unix:\0',
]
for (const text of [...bad, 'http://host/?a', 'http://host/#a', 'http://host:99999/']) {
  t.test(`${JSON.stringify(text)} is none, and the error says what is`, async (t) => {
    const accepted = 'http://HOST:PORT/, https://HOST:PORT/ or unix:///PATH/OF/SOCKET'
    t.throws(() => parseAddress(text), { name: 'TypeError', message: new RegExp(accepted) })
  })
}

t.test('credentials are taken for Basic, and are not part of the name', async (t) => {
  const { name, authorization = '' } = parseAddress('http://me:s%40cret%@host:1/')
  t.equal(name, 'http://host:1/')
  t.equal(authorization, `Basic ${Buffer.from('me:s%40cret%').toString('base64')}`)
  const encoded = parseAddress('http://me:s%40cret@host:1/').authorization ?? ''
  t.equal(Buffer.from(encoded.slice(6), 'base64').toString(), 'me:s@cret')
})

const leaky = ['http://me:secret@host:port/', 'http//me:secret@host/', 'ftp://me:secret@host/']
for (const text of [
  ...leaky,
  'me:secret@host',
  'http://me:secret@host/?q',
  'http://a@me:secret@/',
]) {
  t.test(`the error for ${text} tells no secret`, async (t) => {
    const error = (() => {
      try {
        parseAddress(text)
      } catch (error) {
        return error as Error
      }
      return undefined
    })()
    t.type(error, TypeError)
    t.notMatch(error?.message, /secret/)
    t.notMatch(String(error?.stack), /secret/)
  })
}
