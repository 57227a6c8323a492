import { readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes } from '../../lib/errors.js'
import { fileOf } from '../helpers/man.js'

t.test('docs/errors.md has the table of lib/errors.ts', async (t) => {
  const rows = readFileSync(fileOf('docs/errors.md'), 'utf8').match(/^\|.*\|$/gm) ?? []
  t.strictSame(rows, [
    '| code | exit status | meaning |',
    '|---|---|---|',
    ...Object.entries(errorCodes).map(([code, { exit, meaning }]) => {
      return `| \`${code}\` | ${exit} | ${meaning} |`
    }),
  ])
})
