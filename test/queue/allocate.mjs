// Takes numbers from a sequence, one by one, and prints each: `node allocate.mjs PATH COUNT`
import { writeSync } from 'node:fs'
import { SequenceFile } from '../../dist/queue/sequence-file.js'

const [, , path, count] = process.argv
for (let at = 0; at < Number(count); at++)
  writeSync(1, `${await new SequenceFile(path).allocate()}\n`)
