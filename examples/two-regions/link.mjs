// The line between the regions, to be cut: link.mjs FROM TO passes on what comes in at one port to another.
import { connect, createServer } from 'node:net'

const [from, to] = process.argv.slice(2).map(Number)
createServer((here) => {
  const there = connect(to, '127.0.0.1')
  for (const [one, other] of [
    [here, there],
    [there, here],
  ]) {
    one.pipe(other)
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}).listen(from, '127.0.0.1')
