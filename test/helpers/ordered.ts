import { readFileSync } from 'node:fs'
import { sequenceOf } from '../../lib/queue/sequence.js'
import type { Queue } from '../../lib/root/queue.js'
import { contentsOf } from './temporary.js'

/** The numbers of the items in a directory of a queue, in their order. */
export function numbersIn(queue: Queue, state: 'queue' | 'done' | 'fail' = 'queue'): bigint[] {
  const numbers = (contentsOf(queue)[state] ?? []).map((entry) => sequenceOf(entry) ?? -1n)
  return numbers.sort((a, b) => (a < b ? -1 : 1))
}

/** What a sequence file of a queue holds. */
export function fileOf(queue: Queue, name: 'seq' | 'nextseq'): string {
  return readFileSync(`${queue.path}/${name}`, 'utf8')
}
