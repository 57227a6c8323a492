import { readFileSync } from 'node:fs'
import t from 'tap'
import { startProgram } from '../helpers/cli.js'
import { fileOf } from '../helpers/man.js'

t.test('docs/scale.md has the tables that bench/scale.mjs calculates', async (t) => {
  const words = [fileOf('bench/scale.mjs')]
  const { status, stdout, stderr } = await startProgram(process.execPath, words).ended
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const text = readFileSync(fileOf('docs/scale.md'), 'utf8')
  const tables = stdout.trim().split('\n\n')
  t.equal(tables.length, 3)
  for (const table of tables) t.ok(text.includes(`\n${table}\n`), table)
})
