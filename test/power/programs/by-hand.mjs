// Enqueues, and perhaps finishes, as other programs do: node by-hand.mjs ORDER ITEMS MOUNTED MARKS
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { bodyOf, prepare } from './prepare.mjs'

const [order, items, mounted, marks] = process.argv.slice(2)
const [enqueueSteps, finishStep] = order.split('; ')
const { mark } = await prepare(mounted, marks)
const queue = `${mounted}/root/q`

const steps = {
  write: ({ fd, body }) => writeFileSync(fd, body),
  fsync: ({ fd }) => fsyncSync(fd),
  link: ({ tmp, ready }) => linkSync(tmp, ready),
  rename: ({ tmp, ready }) => renameSync(tmp, ready),
  unlink: ({ tmp }) => unlinkSync(tmp),
  'fsync(queue)': () => {
    const fd = openSync(`${queue}/queue`)
    fsyncSync(fd)
    closeSync(fd)
  },
}

const list = Array.from({ length: Number(items) }, (_, number) => ({
  ...bodyOf(number),
  id: `_20240101000000_${number}_1_localhost_0_`,
}))

for (const { id, body, sha256 } of list) {
  const tmp = `${queue}/tmp/${id}`
  const fd = openSync(tmp, 'wx')
  for (const step of enqueueSteps.split(', '))
    steps[step]({ tmp, ready: `${queue}/queue/${id}`, fd, body })
  closeSync(fd)
  mark('enqueued', { sha256, id })
}

if (finishStep === 'rename to done') {
  for (const { id, sha256 } of list) {
    mark('finishing', { sha256, operation: 'done' })
    renameSync(`${queue}/queue/${id}`, `${queue}/done/${id}`)
    mark('finished', { sha256, id })
  }
}
