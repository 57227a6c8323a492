// { directory, count, size }: puts so many items into the directory of a queue, straight away and
// unsynced: only for filling a queue before it is measured.
import { closeSync, openSync, writeSync } from 'node:fs'
import { measured, task } from './gate.mjs'

const { directory, count, size } = task
const body = Buffer.alloc(size, 'x')
const two = (number) => String(number).padStart(2, '0')

/** As long ago as there are thousands of items, so that none is of the future. */
function timestamp(number) {
  const d = new Date(start + Math.floor(number / 1000) * 1000)
  const date = `${d.getFullYear()}${two(d.getMonth() + 1)}${two(d.getDate())}`
  return `${date}${two(d.getHours())}${two(d.getMinutes())}${two(d.getSeconds())}`
}
const start = Date.now() - (86_400 + count / 1000) * 1000

await measured(() => {
  for (let i = 0; i < count; i++) {
    const name = `_${timestamp(i)}_${i % 1000}_${process.pid}_bench_0_bench`
    const fd = openSync(`${directory}/${name}`, 'wx', 0o640)
    if (size > 0) writeSync(fd, body)
    closeSync(fd)
  }
  return { count }
})
