import t from 'tap'
import { decode } from '../../lib/name/decode.js'
import { testVectors } from '../helpers/vectors.js'

t.test('decode does what every vector says', async (t) => {
  testVectors(t, 'decode', decode)
})

t.test('hex digits are read in either case', async (t) => {
  t.equal(decode('%5f%5F%2f%2F'), '__//')
})

t.test('an escape that is cut off is an error that shows it', async (t) => {
  t.throws(() => decode('a%5'), {
    code: 'FSQ_ENCODE',
    message: 'truncated escape at the end of an argument: %5',
  })
})

t.test('an escape that is not hex is an error that shows it', async (t) => {
  t.throws(() => decode('a%zzb'), {
    code: 'FSQ_ENCODE',
    message: 'not an escape of two hex digits: "%zz"',
  })
})
