import t from 'tap'
import { encode } from '../../lib/name/encode.js'
import { testVectors } from '../helpers/vectors.js'

t.test('encode does what every vector says', async (t) => {
  testVectors(t, 'encode', encode)
})

t.test('bytes are an argument where they are text in the charset', async (t) => {
  t.equal(encode(Buffer.from('sn_ö', 'utf8')), 'sn%5fö')
  t.equal(encode(Buffer.from('sn_ö', 'latin1'), { charset: 'latin-1' }), 'sn%5fö')
  t.throws(() => encode(Buffer.from('ö', 'latin1')), { code: 'FSQ_COERCE' })
})

t.test('numbers of any size are arguments', async (t) => {
  t.equal(encode(12), '12')
  t.equal(encode(2n ** 70n), '1180591620717411303424')
})

t.test('a string that the charset cannot write is refused, and quoted', async (t) => {
  t.throws(() => encode('snö', { charset: 'ascii' }), {
    code: 'FSQ_COERCE',
    message: 'cannot encode "snö" (charset: ascii)',
  })
})

t.test('half of a surrogate pair is no text', async (t) => {
  t.throws(() => encode('a\ud800b'), { code: 'FSQ_COERCE' })
})
