import t from 'tap'
import { displaysOf, readPages } from '../helpers/man.js'
import { isExample, lacking, runExamples } from '../helpers/run-examples.js'

t.jobs = 2

for (const page of readPages()) {
  const blocks = displaysOf(page)
  if (page.path.endsWith('.7')) continue
  const skip = blocks.map(lacking).find((reason) => reason !== false) ?? false
  t.test(`the examples of ${page.path} do what it says`, { buffered: true, skip }, async (t) => {
    t.ok(blocks.some(isExample), 'there are some')
    for (const { command, expected, got } of await runExamples(blocks))
      t.equal(got, expected, command)
  })
}
