// Streams the body of an item: read-body.mjs QUEUE ID prints its SHA-256 and the most memory that
// this process ever had, in kB.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { openRoot } from '../../dist/index.js'

const [name, id] = process.argv.slice(2)
const item = await openRoot().queue(name).claim(id)
const hash = createHash('sha256')
for await (const piece of item.body()) hash.update(piece)
const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
process.stdout.write(`${hash.digest('hex')} ${peak}\n`)
