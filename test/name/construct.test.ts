import fc from 'fast-check'
import t from 'tap'
import { construct } from '../../lib/name/construct.js'
import { deconstruct } from '../../lib/name/deconstruct.js'
import { testVectors } from '../helpers/vectors.js'

t.test('construct does what every vector says', async (t) => {
  testVectors(t, 'construct', construct)
})

const legalCharacter = fc
  .integer({ min: 1, max: 127 })
  .map((code) => String.fromCharCode(code))
  .filter((character) => character !== '/')

/** A legal pair, and arguments that are full of what has to be escaped. */
const namesOfAnyPair = fc
  .tuple(legalCharacter, legalCharacter)
  .filter(([delimiter, encode]) => delimiter !== encode)
  .chain(([delimiter, encode]) => {
    const special = fc.constantFrom(delimiter, encode, '/', '\0', '2', '5', 'f', 'F')
    const any = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
    const argument = fc.string({ unit: fc.oneof(special, any) })
    return fc.record({
      delimiter: fc.constant(delimiter),
      encode: fc.constant(encode),
      args: fc.array(argument),
    })
  })

t.test('what construct writes, deconstruct reads, for every pair of characters', async (t) => {
  fc.assert(
    fc.property(namesOfAnyPair, ({ delimiter, encode, args }) => {
      const name = construct(args, { delimiter, encode })
      // fsq(7) writes no argument and one empty argument alike.
      const expected = args.length === 1 && args[0] === '' ? [] : args
      t.strictSame(
        deconstruct(name, { encode }),
        { delimiter, arguments: expected },
        { diagnostic: false },
      )
    }),
  )
})

t.test('a name has neither a slash nor a NUL, whatever its arguments', async (t) => {
  fc.assert(
    fc.property(namesOfAnyPair, ({ delimiter, encode, args }) => {
      return !/[/\0]/.test(construct(args, { delimiter, encode }))
    }),
  )
  t.pass('for every pair of characters')
})

t.test('no argument and one empty argument have the same name', async (t) => {
  t.equal(construct([]), '_')
  t.equal(construct(['']), '_')
  t.strictSame(deconstruct('_').arguments, [])
  t.strictSame(deconstruct('__').arguments, ['', ''])
})
