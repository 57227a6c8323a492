import { readFileSync } from 'node:fs'
import t from 'tap'
import { isExample, runExamples } from './helpers/run-examples.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)

t.test('the examples of README.md do what it says', async (t) => {
  t.ok(blocks.some(isExample), 'there are some')
  for (const { command, expected, got } of await runExamples(blocks))
    t.equal(got, expected, command)
})
