// What the programs of the fleet share: see ../fleet-log.ts for the records.
import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'

const { FLEET_LOG, FLEET_NAME } = process.env

/** Who this process is, in the records. */
export const by = FLEET_NAME

export function record(fields) {
  appendFileSync(FLEET_LOG, `\n${JSON.stringify(fields)}`)
}

export function sha256(body) {
  return createHash('sha256').update(body).digest('hex')
}
