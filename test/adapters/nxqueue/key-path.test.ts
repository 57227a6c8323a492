import t from 'tap'
import { keyOf, keyPath } from '../../../lib/adapters/nxqueue/key-path.js'
import { checkKey } from '../../../lib/key-values.js'

const keys: readonly (readonly [key: string, path: string])[] = [
  ['volume/A00001', 'volume/A00001'],
  ['drive/D1', 'drive/D1'],
  ['server/nx1+2', 'server/nx1+2'],
  ['volume', 'volume%'],
  ['volume%', 'volume%25'],
  ['volume/', 'volume/%'],
  ['volume/%', 'volume/%25'],
  ['volume/drive', 'volume/drive'],
  ['volume/a/b', 'volume/a%2Fb'],
  ['volume/..', 'volume/%2E.'],
  ['volume/../drive/D1', 'volume/%2E.%2Fdrive%2FD1'],
  ['Volume/A', 'Volume%2FA'],
  ['volumes/A', 'volumes%2FA'],
  ['/', '%2F'],
  ['//', '%2F%2F'],
  ['/etc/passwd', '%2Fetc%2Fpasswd'],
  ['', '%'],
  ['%', '%25'],
  ['%2F', '%252F'],
  ['%uD800', '%25uD800'],
  ['\ud800', '%uD800'],
  ['a\udc00b', 'a%uDC00b'],
  ['%h', '%25h'],
  ['.', '%2E'],
  ['..', '%2E.'],
  ['...', '%2E..'],
  ['.tmp', '%2Etmp'],
  ['a.b', 'a.b'],
  ['a b\n', 'a b%0A'],
  ['\x1b[2J\x7f', '%1B[2J%7F'],
  ['-rf', '-rf'],
  ['Bänder', 'Bänder'],
  ['\u{1f4fc}', '\u{1f4fc}'],
  ['\u2028', '\u2028'],
  ['nx1', 'nx1'],
  ['x'.repeat(255), 'x'.repeat(255)],
]

void t.test('keys as paths', (t) => {
  for (const [key, path] of keys) {
    const found = keyPath(key)
    t.equal([found.directory, found.name].filter((part) => part !== '').join('/'), path, path)
    t.equal(keyOf(found), key, `${path} is read as it was written`)
    t.notMatch(found.name, /^\.|[/\0-\x1f\x7f]/)
  }
  t.end()
})

void t.test('keys that are too long when they are written', (t) => {
  const long = ['%'.repeat(255), '/'.repeat(86), `volume/${'/'.repeat(248)}`, '\ud800'.repeat(85)]
  const names = new Set<string>()
  for (const key of [...long, `${'/'.repeat(85)}\ud800`, `${'/'.repeat(85)}\udbff`]) {
    checkKey(key)
    const path = keyPath(key)
    t.match(path.name, /^%h[0-9a-f]{64}$/)
    t.equal(keyOf(path), undefined)
    names.add(path.name)
  }
  t.equal(names.size, 6, 'each has its own')
  t.end()
})

void t.test('what is no key', (t) => {
  for (const key of ['a\0', 'x'.repeat(256), 'ä'.repeat(128), 7, undefined])
    t.throws(() => {
      checkKey(key)
    }, TypeError)
  t.end()
})
