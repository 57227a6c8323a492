import { writeFileSync } from 'node:fs'
import t from 'tap'
import { inventorySchema, readInventory } from '../../lib/adapters/nxqueue/index.js'
import { displaysOf, readPage } from '../helpers/man.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const page = readPage('man/man5/fsq-nxqueue.5')

t.test('the inventory that fsq-nxqueue(5) shows is good', async (t) => {
  const path = `${temporaryDirectory(t)}/i.yaml`
  writeFileSync(path, displaysOf(page)[0] ?? '')
  const { servers, drives, volumes, groups } = await readInventory(path)
  t.strictSame(
    [servers, drives, volumes, groups].map(({ length }) => length),
    [2, 2, 3, 1],
  )
})

for (const [list, { items }] of Object.entries(inventorySchema.properties ?? {})) {
  if (items === undefined) continue
  t.test(`it has the members of ${list}, and no others`, async (t) => {
    const [, section = ''] =
      new RegExp(`^\\.Ss ${list}\n(.*?)^\\.S[sh]`, 'ms').exec(page.source) ?? []
    const named = [...section.matchAll(/^\.It (.*)$/gm)].flatMap(([, line = '']) =>
      [...line.matchAll(/\bLi (\w+)/g)].map(([, name]) => name),
    )
    t.strictSame(named.sort(), Object.keys(items.properties ?? {}).sort())
  })
}
