// Enqueues, and perhaps finishes, as other programs do: node by-hand.mjs ORDER ITEMS MOUNTED MARKS
import { renameSync } from 'node:fs'
import { enqueueByHand } from '../../helpers/enqueue-by-hand.mjs'
import { bodyOf, prepare } from './prepare.mjs'

const [order, items, mounted, marks] = process.argv.slice(2)
const [enqueueOrder, finishStep] = order.split('; ')
const { mark } = await prepare(mounted, marks)
const queue = `${mounted}/root/q`

const list = Array.from({ length: Number(items) }, (_, number) => ({
  ...bodyOf(number),
  id: `_20240101000000_${number}_1_localhost_0_`,
}))

for (const { id, body, sha256 } of list) {
  enqueueByHand(queue, id, body, enqueueOrder)
  mark('enqueued', { sha256, id })
}

if (finishStep === 'rename to done') {
  for (const { id, sha256 } of list) {
    mark('finishing', { sha256, operation: 'done' })
    renameSync(`${queue}/queue/${id}`, `${queue}/done/${id}`)
    mark('finished', { sha256, id })
  }
}
