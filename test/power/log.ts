import { readFileSync } from 'node:fs'

/* The log of disk.py: what reached the disk, in the order in which it did. */

export interface Write {
  readonly offset: number
  readonly data: Buffer
}

/** What came after one flush and before the next. */
export interface Epoch {
  readonly writes: Write[]
  readonly marks: string[]
}

/** A kind, an offset and a length. */
const headerSize = 13

/** The epochs of a log. A disk may have lost any writes of the epoch that is the last one. */
export function readEpochs(path: string): Epoch[] {
  const log = readFileSync(path)
  let epoch: Epoch = { writes: [], marks: [] }
  const epochs = [epoch]
  for (let at = 0; at < log.length;) {
    const kind = String.fromCharCode(log.readUInt8(at))
    const offset = Number(log.readBigUInt64LE(at + 1))
    const end = at + headerSize + log.readUInt32LE(at + 9)
    const data = log.subarray(at + headerSize, end)
    if (kind === 'W') epoch.writes.push({ offset, data })
    else if (kind === 'M') epoch.marks.push(data.toString())
    else epochs.push((epoch = { writes: [], marks: [] }))
    at = end
  }
  return epochs
}
