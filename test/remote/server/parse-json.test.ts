import t from 'tap'
import { parseJson } from '../../../lib/remote/server/parse-json.js'

const good = [
  '{}',
  '[]',
  'null',
  ' "text" ',
  '{"a":"[[[[{{{{,,,,"}',
  String.raw`{"a":"\"[[[\\","b":["\\\"","x"]}`,
  `{"a":"${'\\"['.repeat(100_000)}"}`,
  `{"a":"${'\\\\'.repeat(100_000)}"}`,
  `"${','.repeat(100_000)}"`,
  `${'['.repeat(32)}${']'.repeat(32)}`,
  '{"ü":"漢😀"}',
]

for (const text of good)
  t.test(`${text.slice(0, 40)} is read as JSON.parse does`, async (t) => {
    t.strictSame(parseJson(Buffer.from(text)), { value: JSON.parse(text) as unknown })
  })

const bad: readonly [what: string, bytes: string | Buffer, code: number][] = [
  ['nothing', '', -32700],
  ['what is no JSON', '{"a":', -32700],
  ['a string without its end', '{"a":"x', -32700],
  ['a string that ends in an escape', '"\\', -32700],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), -32700],
  ['UTF-16', Buffer.from('{}', 'utf16le'), -32700],
  ['a NUL', '\0', -32700],
  ['lists in lists', '['.repeat(33), -32600],
  ['100,000 lists in lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, -32600],
  ['objects in objects', '{"a":'.repeat(100_000), -32600],
  ['a million values', `[${'1,'.repeat(1_000_000)}1]`, -32600],
  ['a million empty objects', `[${'{},'.repeat(1_000_000)}{}]`, -32600],
]

for (const [what, bytes, code] of bad)
  t.test(`${what} is refused`, async (t) => {
    t.match(parseJson(Buffer.from(bytes)), { answer: { error: { code }, id: null } })
  })

t.test('a batch of a thousand calls is not too much', async (t) => {
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'enqueue',
    params: { fsq_id: '_1', trg_queue: 'q', data: 'x' },
  }
  const text = JSON.stringify(Array.from({ length: 1000 }, () => call))
  t.ok('value' in parseJson(Buffer.from(text)))
})

t.test('a large message is looked through in no time', async (t) => {
  const text = JSON.stringify({ data: 'x'.repeat(16_000_000) })
  const began = performance.now()
  t.ok('value' in parseJson(Buffer.from(text)))
  t.ok(performance.now() - began < 1000)
})
