import t from 'tap'
import { crc32 } from '../lib/crc32.js'

t.test('crc32 is that of zlib', async (t) => {
  t.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
  t.equal(crc32(Buffer.from([0xff, 0x80, 0x00])), 0x7a5a75b4)
  t.equal(crc32(new Uint8Array()), 0)
})
