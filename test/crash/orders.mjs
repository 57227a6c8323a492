/*
 * Five orders in which programs make an item appear before they acknowledge it, of which only the
 * last keeps what it promises: `node orders.mjs ORDER DIRECTORY`. They were tried on real ext4 and
 * XFS before, and what went wrong there must go wrong in the model too.
 */
import { enqueueByHand } from '../helpers/enqueue-by-hand.mjs'
import { openLedger, sha256Of } from './told.mjs'

const [, , order, directory] = process.argv
const tell = openLedger(`${directory}/ledger`)

for (let count = 0; count < 3; count++) {
  const id = `_20260101000000_${count}_1_host_0`
  const body = `body ${count} of some length`
  const what = { queue: 'q', sha256: sha256Of(body) }
  tell({ event: 'enqueue', ...what })
  enqueueByHand(`${directory}/root/q`, id, body, order)
  tell({ event: 'enqueued', ...what, id })
}
