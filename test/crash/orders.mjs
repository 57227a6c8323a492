/*
 * Five orders in which programs make an item appear before they acknowledge it, of which only the
 * last keeps what it promises: `node orders.mjs ORDER DIRECTORY`. They were tried on real ext4 and
 * XFS before, and what went wrong there must go wrong in the model too.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { openLedger, sha256Of } from './told.mjs'

const [, , order, directory] = process.argv
const queue = `${directory}/root/q`
const tell = openLedger(`${directory}/ledger`)

function syncQueue() {
  const fd = openSync(`${queue}/queue`, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

const steps = {
  write: ({ fd, body }) => writeSync(fd, body),
  fsync: ({ fd }) => fsyncSync(fd),
  link: ({ tmp, ready }) => linkSync(tmp, ready),
  rename: ({ tmp, ready }) => renameSync(tmp, ready),
  unlink: ({ tmp }) => unlinkSync(tmp),
  'fsync(queue)': syncQueue,
}

for (let count = 0; count < 3; count++) {
  const id = `_20260101000000_${count}_1_host_0`
  const body = `body ${count} of some length`
  const [tmp, ready] = [`${queue}/tmp/${id}`, `${queue}/queue/${id}`]
  const what = { queue: 'q', sha256: sha256Of(body) }
  tell({ event: 'enqueue', ...what })
  const fd = openSync(tmp, 'wx')
  for (const step of order.split(', ')) steps[step]({ fd, body, tmp, ready })
  closeSync(fd)
  tell({ event: 'enqueued', ...what, id })
}
