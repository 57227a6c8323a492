import { readFileSync } from 'node:fs'
import t from 'tap'
import { isExample, lacking, runExamples } from './helpers/run-examples.js'

for (const file of ['README.md', 'docs/neighbours.md', 'docs/parallel.md']) {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
  const all = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
  const blocks = all.filter((block) => lacking(block) === false)
  for (const block of all.filter((each) => !blocks.includes(each)))
    t.test(block, { skip: lacking(block) }, () => undefined)

  t.test(`the examples of ${file} do what it says`, async (t) => {
    t.ok(blocks.some(isExample), 'there are some')
    for (const { command, expected, got } of await runExamples(blocks))
      t.equal(got, expected, command)
  })
}
