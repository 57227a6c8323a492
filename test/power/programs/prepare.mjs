// What the programs of this directory begin with.
import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { openRoot } from '../../../dist/index.js'

export const sha256Of = (body) => createHash('sha256').update(body).digest('hex')

/** A body of some blocks that is like no other, and its hash. */
export function bodyOf(number) {
  const body = `item ${number}\n`.repeat(500 + 100 * number)
  return { body, sha256: sha256Of(body) }
}

/** Installs the queue `q`, for good: from here on the power may fail. */
export async function prepare(mounted, marks, settings = {}) {
  const root = `${mounted}/root`
  await openRoot({ root }).install('q')
  const mark = (event, fields = {}) => {
    appendFileSync(marks, `${JSON.stringify({ event, ...fields })}\n`)
  }
  mark('begin')
  return { queue: openRoot({ root, ...settings }).queue('q'), mark }
}
