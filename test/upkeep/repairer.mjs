// Repairs the queue q as often as it is told to: for each line on stdin once, with everything that
// looks like a leftover taken for one. Writes for each a line of JSON: what was mended and left.
// With the argument `on`, it goes on without being told until stdin ends, and writes one line; and before that
// `mended`, when it has mended something.
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { openRoot, repairQueue } from '../../dist/index.js'

const queue = openRoot({ ttl: 0 }).queue('q')

async function repair() {
  const counts = { mended: 0, left: [], runs: 1 }
  for await (const { finding, outcome, error } of repairQueue(queue, { older: 0 })) {
    if (outcome === 'mended') counts.mended++
    else counts.left.push([finding.kind, error?.code])
  }
  return counts
}

const total = { mended: 0, left: [], runs: 0 }
if (process.argv[2] === 'on') {
  let ended = false
  process.stdin.resume().once('end', () => {
    ended = true
  })
  while (!ended) {
    const { mended, left } = await repair()
    if (total.mended === 0 && mended > 0) process.stdout.write('mended\n')
    total.mended += mended
    total.left.push(...left)
    total.runs++
    await setTimeout(1) // Where nothing waits for the disk, nobody sees stdin end.
  }
  process.stdout.write(`${JSON.stringify(total)}\n`)
} else {
  process.stdout.write('ready\n')
  for await (const line of createInterface(process.stdin)) {
    if (line !== '') process.stdout.write(`${JSON.stringify(await repair())}\n`)
  }
}
