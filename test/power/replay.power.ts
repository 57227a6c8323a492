import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import type { Violation } from '../crash/oracle.js'
import { isJudged, lacking, workspace } from './machine.js'
import { readOptions } from './options.js'
import { record, replay } from './replay.js'

/* The loss of power, on real file systems: README.md in this directory. */
t.setTimeout(3_600_000)

const { items, subsets, seed, fileSystems, orders } = readOptions(process.env)

const rows = [['order', 'like', 'promise', 'file system', 'images', 'violations', 'of `full`']]

for (const fileSystem of fileSystems) {
  const skip = lacking(fileSystem)
  if (skip !== false) rows.push(['all', '', '', fileSystem, '-', `skipped: ${skip}`])
  t.test(`the loss of power on ${fileSystem}`, { skip }, async (t) => {
    for (const { name, like, words, durability, isWrong } of orders) {
      const keeps = isWrong ? 'breaks its promise' : `keeps the promise of \`${durability}\``
      const says = isJudged(fileSystem) ? keeps : 'is reported'
      await t.test(`${name} (${like}) ${says}`, async (t) => {
        const directory = workspace()
        const recording = await record(fileSystem, directory, words(items))
        const { images, broken, ofFull } = await replay(recording, directory, {
          durability,
          subsets,
          seed,
        })
        removeSync(directory)
        const counts = [broken, ofFull].map(countKinds)
        const promise = isJudged(fileSystem) ? durability : `(${durability})`
        rows.push([name, like, promise, fileSystem, String(images), ...counts])
        if (!isJudged(fileSystem)) t.pass('no journal: for information')
        else if (isWrong) t.not(broken.length, 0, 'the test sees what an order does wrong')
        else t.strictSame(broken.slice(0, 20), [], 'all that was promised holds')
      })
    }
  })
}

t.test('the table', async (t) => {
  t.comment(`${items} items, ${subsets} subsets of the writes after each flush, seed ${seed}`)
  t.comment('(promise): on a file system without a journal, for information and not judged')
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  for (const row of rows)
    t.comment(row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join(' | '))
})

/** `2 lost 1 torn`, or 0. */
function countKinds(violations: readonly Violation[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of violations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(' ') || '0'
}
