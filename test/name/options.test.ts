import t from 'tap'
import { type NameOptions, nameRules } from '../../lib/name/options.js'

t.test('without options, names are those of fsq(7)', async (t) => {
  t.match(nameRules(), { delimiter: '_', encode: '%', charset: { name: 'utf8' } })
})

const illegal: Record<string, NameOptions> = {
  'an empty delimiter': { delimiter: '' },
  'a delimiter of two characters': { delimiter: '__' },
  'a delimiter beyond ASCII': { delimiter: 'é' },
  'a delimiter of two code units': { delimiter: '😀' },
  'the delimiter /': { delimiter: '/' },
  'the delimiter NUL': { delimiter: '\0' },
  'an empty encode character': { encode: '' },
  'an encode character of two': { encode: '%%' },
  'an encode character beyond ASCII': { encode: '\x80' },
  'the encode character /': { encode: '/' },
  'the encode character NUL': { encode: '\0' },
  'one character for both': { delimiter: ':', encode: ':' },
  'the default of the other': { delimiter: '%' },
}

for (const [what, options] of Object.entries(illegal)) {
  t.test(`${what} is refused`, async (t) => {
    t.throws(() => nameRules(options), { code: 'FSQ_ENCODE' })
  })
}

t.test('every other ASCII character is a delimiter and an encode character', async (t) => {
  for (let code = 1; code < 128; code++) {
    const character = String.fromCharCode(code)
    if (['/', '_', '%'].includes(character)) continue
    t.equal(nameRules({ delimiter: character }).delimiter, character)
    t.equal(nameRules({ encode: character }).encode, character)
  }
})
