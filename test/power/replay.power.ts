import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import type { Violation } from '../crash/oracle.js'
import { fileSystems, lacking, workspace } from './machine.js'
import { orders } from './orders.js'
import { record, replay } from './replay.js'

/* The loss of power, on real file systems: README.md in this directory. */
t.setTimeout(3_600_000)

function numberFrom(variable: string, otherwise: number): number {
  const text = process.env[variable] ?? String(otherwise)
  if (!/^[0-9]+$/.test(text)) throw new TypeError(`Expected ${variable} to be a number: ${text}`)
  return Number(text)
}

const items = numberFrom('POWER_ITEMS', 16)
const subsets = numberFrom('POWER_SUBSETS', 8)
const seed = numberFrom('POWER_SEED', 1)

const chosen = new RegExp(process.env['POWER_ORDERS'] ?? '')
const chosenFileSystems = process.env['POWER_FS']?.split(',') ?? fileSystems

const rows = [['order', 'like', 'promise', 'file system', 'images', 'violations', 'of `full`']]

for (const fileSystem of fileSystems) {
  if (!chosenFileSystems.includes(fileSystem)) continue
  const skip = lacking(fileSystem)
  if (skip !== false) rows.push(['all', '', '', fileSystem, '-', `skipped: ${skip}`])
  t.test(`the loss of power on ${fileSystem}`, { skip }, async (t) => {
    for (const { name, like, words, durability, isWrong } of orders) {
      const says = isWrong ? 'breaks its promise' : `keeps the promise of \`${durability}\``
      if (!chosen.test(`${name} | ${like}`)) continue
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
        rows.push([name, like, durability, fileSystem, String(images), ...counts])
        if (isWrong) t.not(broken.length, 0, 'the test sees what an order does wrong')
        else t.strictSame(broken.slice(0, 20), [], 'all that was promised holds')
      })
    }
  })
}

t.test('the table', async (t) => {
  t.comment(`${items} items, ${subsets} subsets of the writes after each flush, seed ${seed}`)
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
