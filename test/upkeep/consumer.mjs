// Works on the items of q until stdin has ended and none is left. An item is done at the second try,
// then its argument is written; one whose body is not what was enqueued is an error.
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../dist/index.js'

const queue = openRoot({ maxTries: 0 }).queue('q')
let ended = false
process.stdin.resume().once('end', () => {
  ended = true
})

for (;;) {
  const last = ended
  let seen = 0
  for await (const item of queue.scan()) {
    seen++
    const [argument] = item.arguments
    if ((await item.text()) !== `the body of ${argument}`) throw new Error(`bad body: ${item.id}`)
    if (item.tries === 0) await item.failTmp()
    else {
      await item.done()
      process.stdout.write(`${argument}\n`)
    }
  }
  if (last && seen === 0) break
  await setTimeout(1)
}
