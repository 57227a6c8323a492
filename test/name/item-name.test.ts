import t from 'tap'
import { getCharset } from '../../lib/name/charset.js'
import { formatItemName, parseItemName } from '../../lib/name/item-name.js'
import { nameRules } from '../../lib/name/options.js'
import { getTimestamps } from '../../lib/name/timestamp.js'
import type { FsqErrorCode } from '../../lib/errors.js'

const reading = {
  encode: '%',
  charset: getCharset('utf8'),
  timestamps: getTimestamps('%Y%m%d%H%M%S'),
}

const fields = {
  timestamp: '20120710213904',
  entropy: '0',
  pid: '13044',
  hostname: 'mss',
  tries: 0,
  arguments: ['args', 'to', 'enqueue'],
}

t.test('the name of fsq(7) is written and read', async (t) => {
  const name = '_20120710213904_0_13044_mss_0_args_to_enqueue'
  t.equal(formatItemName(fields, nameRules()), name)
  t.strictSame(parseItemName(name, reading), {
    delimiter: '_',
    ...fields,
    enqueuedAt: new Date(2012, 6, 10, 21, 39, 4),
  })
})

t.test('every field is escaped', async (t) => {
  const odd = { ...fields, hostname: 'my_host', arguments: ['a/b', '', 'c%'] }
  const name = '_20120710213904_0_13044_my%5fhost_0_a%2fb__c%25'
  t.equal(formatItemName(odd, nameRules()), name)
  t.match(parseItemName(name, reading), odd)
})

t.test('the delimiter of the name counts, not that in force', async (t) => {
  const name = '.20120710213904.7.1.a_b.3.c'
  t.match(parseItemName(name, reading), { delimiter: '.', hostname: 'a_b', tries: 3 })
})

t.test('without arguments the name ends after the tries', async (t) => {
  const name = '_20120710213904_0_13044_mss_0'
  t.equal(formatItemName({ ...fields, arguments: [] }, nameRules()), name)
  t.strictSame(parseItemName(name, reading).arguments, [])
  t.strictSame(parseItemName(`${name}_`, reading).arguments, [''])
})

const malformed: [what: string, name: string, code: FsqErrorCode][] = [
  ['without a character', '', 'FSQ_MALFORMED'],
  ['of a delimiter alone', '_', 'FSQ_MALFORMED'],
  ['with four fields', '_20120710213904_0_1_h', 'FSQ_MALFORMED'],
  ['with tries that are empty', '_20120710213904_0_1_h_', 'FSQ_MALFORMED'],
  ['with tries that are a word', '_20120710213904_0_1_h_x', 'FSQ_MALFORMED'],
  ['with tries that are negative', '_20120710213904_0_1_h_-1', 'FSQ_MALFORMED'],
  ['with tries that are not whole', '_20120710213904_0_1_h_1.5', 'FSQ_MALFORMED'],
  ['with tries beyond all bounds', '_20120710213904_0_1_h_9007199254740992', 'FSQ_MALFORMED'],
  ['with an escape that is cut off', '_20120710213904_0_1_h_0_%5', 'FSQ_ENCODE'],
  ['with an escape that is not hex', '_20120710213904_0_1_h_0_%zz', 'FSQ_ENCODE'],
  ['with the encode character in front', '%20120710213904%0%1%h%0', 'FSQ_ENCODE'],
  ['with a delimiter beyond ASCII', 'é20120710213904é0é1éhé0', 'FSQ_ENCODE'],
  ['with an escape that is no character', '_20120710213904_0_1_h_0_%ff', 'FSQ_COERCE'],
  ['with month 13', '_20121310213904_0_1_h_0', 'FSQ_TIMEFMT'],
  ['with no timestamp', '__0_1_h_0', 'FSQ_TIMEFMT'],
]

for (const [what, name, code] of malformed) {
  t.test(`a name ${what} is refused`, async (t) => {
    t.throws(() => parseItemName(name, reading), { code })
  })
}

t.test('a name has at most 255 bytes', async (t) => {
  const room = 255 - formatItemName({ ...fields, arguments: [''] }, nameRules()).length
  const withArgument = (argument: string, charset = 'utf8'): string =>
    formatItemName({ ...fields, arguments: [argument] }, nameRules({ charset }))

  t.equal(withArgument('a'.repeat(room)).length, 255)
  t.throws(() => withArgument('a'.repeat(room + 1)), {
    code: 'FSQ_NAME_TOO_LONG',
    message:
      'the name of the item would be 256 bytes long, and a file name has at most 255: ' +
      'put large arguments into the body',
  })
  t.test('bytes, not characters', async (t) => {
    const half = Math.floor(room / 2)
    t.doesNotThrow(() => withArgument('é'.repeat(half)))
    t.throws(() => withArgument('é'.repeat(half + 1)), { code: 'FSQ_NAME_TOO_LONG' })
    t.doesNotThrow(() => withArgument('é'.repeat(room), 'latin-1'), 'one byte each in Latin-1')
  })
  t.test('and an escape has three of them', async (t) => {
    const third = Math.floor(room / 3)
    t.doesNotThrow(() => withArgument('_'.repeat(third)))
    t.throws(() => withArgument('_'.repeat(third + 1)), { code: 'FSQ_NAME_TOO_LONG' })
  })
})
