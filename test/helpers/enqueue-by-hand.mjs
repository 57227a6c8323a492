// How programs make an item appear before they acknowledge it, step by step.
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'

const steps = {
  write: ({ fd, body }) => writeSync(fd, body),
  fsync: ({ fd }) => fsyncSync(fd),
  link: ({ tmp, ready }) => linkSync(tmp, ready),
  rename: ({ tmp, ready }) => renameSync(tmp, ready),
  unlink: ({ tmp }) => unlinkSync(tmp),
  'fsync(queue)': ({ queue }) => {
    const fd = openSync(`${queue}/queue`)
    fsyncSync(fd)
    closeSync(fd)
  },
}

/** Enqueues in the order of a list such as `write, fsync, rename`; `queue` is its directory. */
export function enqueueByHand(queue, id, body, order) {
  const [tmp, ready] = [`${queue}/tmp/${id}`, `${queue}/queue/${id}`]
  const fd = openSync(tmp, 'wx')
  for (const step of order.split(', ')) steps[step]({ queue, fd, body, tmp, ready })
  closeSync(fd)
}
