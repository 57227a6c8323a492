// Works on the items of a queue with the library until none is left: drain.mjs QUEUE LOG GATE N.
// An item is worked on by writing its name to LOG. With its first item it waits at the GATE, a
// directory, until N scanners do.
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../dist/index.js'

const [name, logPath, gate, scanners] = process.argv.slice(2)
const queue = openRoot().queue(name)
const log = openSync(logPath, 'a')
let handled = 0

async function waitAtGate() {
  closeSync(openSync(`${gate}/${process.pid}`, 'wx'))
  while (readdirSync(gate).length < Number(scanners)) await setTimeout(5)
}

while (readdirSync(`${queue.path}/queue`).length > 0) {
  for await (const item of queue.scan()) {
    if (handled++ === 0) await waitAtGate()
    writeSync(log, `${item.id}\n`)
    await item.done()
  }
}
