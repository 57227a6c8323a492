import { readFileSync } from 'node:fs'
import t from 'tap'
import { startProgram } from '../helpers/cli.js'
import { fileOf } from '../helpers/man.js'

const node = (...words: string[]) => startProgram(process.execPath, words).ended

t.test('docs/nxqueue-simulation.md has the tables that the simulation prints', async (t) => {
  const { status, stdout, stderr } = await node(fileOf('bench/nxqueue/simulate.mjs'))
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const text = readFileSync(fileOf('docs/nxqueue-simulation.md'), 'utf8')
  const tables = stdout.trim().split('\n\n')
  t.equal(tables.length, 2)
  for (const table of tables) t.ok(text.includes(`\n${table}\n`), table)
})

t.test('the simulation says which flags make no sense', async (t) => {
  const { status, stderr } = await node(fileOf('bench/nxqueue/simulate.mjs'), '--days', 'x')
  t.match({ status, stderr }, { status: 2, stderr: /^--days: not a number: x\n[^]*--machines/ })
})

t.test('a large cluster is planned in far less than a second, even the first time', async (t) => {
  const { stdout } = await node(fileOf('bench/nxqueue/first-pass.mjs'))
  // A tenth of that, on a machine that has nothing else to do: this is to tell when it becomes quadratic.
  const time = Number(stdout)
  t.ok(time > 0 && time < 2000, `${stdout.trim()} ms`)
})
