import t from 'tap'
import { fromByteString, getCharset, toByteString } from '../../lib/name/charset.js'

const alike: Record<string, { names: string[]; text: string; hex: string }> = {
  'UTF-8': { names: ['utf8', 'UTF-8', 'utf_8', 'u8'], text: 'aé中😀', hex: '61c3a9e4b8adf09f9880' },
  'a UTF-8 byte order mark': { names: ['utf8'], text: '\ufeffa', hex: 'efbbbf61' },
  'Latin-1': { names: ['latin-1', 'LATIN1', 'ISO-8859-1'], text: 'aé\x80ÿ', hex: '61e980ff' },
  ASCII: { names: ['ascii', 'US-ASCII', '646'], text: 'a\x7f', hex: '617f' },
  'Windows-1252': { names: ['windows-1252', 'cp1252'], text: 'a€é', hex: '6180e9' },
  'KOI8-R': { names: ['koi8-r'], text: 'да', hex: 'c4c1' },
}

for (const [what, { names, text, hex }] of Object.entries(alike)) {
  for (const name of names) {
    t.test(`${what} is written and read as ${name}`, async (t) => {
      const charset = getCharset(name)
      t.equal(charset.name, name)
      t.equal(charset.encode(text).toString('hex'), hex)
      t.equal(charset.decode(Buffer.from(hex, 'hex')), text)
    })
  }
}

for (const name of ['klingon', '', 'utf-16', 'utf-16le', 'ucs2', 'utf-32', 'utf-7', 'base64']) {
  t.test(`the charset ${JSON.stringify(name)} is refused`, async (t) => {
    t.throws(() => getCharset(name), {
      code: 'FSQ_COERCE',
      message: `unknown charset, or one without ASCII: ${name}`,
    })
  })
}

const unwritable: [charset: string, text: string, what: string][] = [
  ['utf8', '\ud800', 'half of a surrogate pair'],
  ['utf8', 'a\udc00b', 'the other half'],
  ['latin-1', '€', 'a euro sign'],
  ['latin-1', '\ud800', 'half of a surrogate pair'],
  ['ascii', '\x80', 'the first character beyond ASCII'],
  ['windows-1252', '中', 'a Chinese character'],
  ['windows-1252', '\ud800', 'half of a surrogate pair'],
]

for (const [name, text, what] of unwritable) {
  t.test(`${what} cannot be written in ${name}`, async (t) => {
    t.throws(() => getCharset(name).encode(text), { code: 'FSQ_COERCE', message: name })
  })
}

const unreadable: [charset: string, hex: string, what: string][] = [
  ['utf8', 'c3', 'half of a character'],
  ['utf8', 'c0af', 'an overlong slash'],
  ['utf8', 'eda080', 'half of a surrogate pair'],
  ['utf8', 'ff', 'a byte that never occurs'],
  ['ascii', '80', 'a byte beyond ASCII'],
  ['windows-1252', '81', 'a byte without a character'],
]

for (const [name, hex, what] of unreadable) {
  t.test(`${what} cannot be read as ${name}`, async (t) => {
    t.throws(() => getCharset(name).decode(Buffer.from(hex, 'hex')), { code: 'FSQ_COERCE' })
  })
}

t.test('a byte string has one character for each byte of the name', async (t) => {
  t.equal(toByteString('_é', getCharset('utf8')), '_\xc3\xa9')
  t.equal(toByteString('_é', getCharset('latin-1')), '_\xe9')
  t.equal(fromByteString('_\xc3\xa9', getCharset('utf8')), '_é')
  t.throws(() => fromByteString('_\xe9', getCharset('utf8')), { code: 'FSQ_COERCE' })
})
