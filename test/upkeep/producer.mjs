// Enqueues so many items, and more until stdin ends, a few at a time, and writes the argument of each that
// was acknowledged, a line each: producer.mjs NAME COUNT. On stderr it tells how many enqueues failed, and of
// how many.
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../dist/index.js'

const [name, count] = process.argv.slice(2)
const queue = openRoot().queue('q')
let next = 0
let failed = 0
let ended = false
process.stdin.resume().once('end', () => {
  ended = true
})

async function produce() {
  while (next < Number(count) || !ended) {
    const argument = `${name}-${next++}`
    try {
      await queue.enqueue(`the body of ${argument}`, [argument])
      process.stdout.write(`${argument}\n`)
    } catch (error) {
      if (error.code !== 'FSQ_ENQUEUE') throw error
      failed++
    }
    if (next % 50 === 0) await setTimeout(1)
  }
}

await Promise.all([produce(), produce(), produce(), produce()])
process.stderr.write(`${failed} ${next}\n`)
