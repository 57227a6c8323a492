import t from 'tap'
import { deconstruct, type Deconstructed } from '../../lib/name/deconstruct.js'
import { testVectors } from '../helpers/vectors.js'

t.test('deconstruct does what every vector says', async (t) => {
  testVectors(t, 'deconstruct', (name, options) => {
    const { delimiter, arguments: args }: Deconstructed = deconstruct(name, options)
    return { args, delimiter }
  })
})

t.test('a name may be bytes', async (t) => {
  t.strictSame(deconstruct(Buffer.from('+a+b')), { delimiter: '+', arguments: ['a', 'b'] })
})

t.test('a delimiter inside an escape does not separate', async (t) => {
  t.strictSame(deconstruct('2a%2fb2c').arguments, ['a/b', 'c'])
})
