import { statEntry } from '../posix/names.js'
import type { QueueContext } from './context.js'
import { ownershipLikeQueue } from './ownership.js'
import { lastInSequence, SequenceFile } from './sequence-file.js'

/*
 * The sequence of an ordered queue. The number of an item is the entropy of its name, with zeroes up to
 * 20 digits, so that no other name looks like it. Two sequence files, in the format of Filespooler, are
 * beside queue/:
 *
 *   seq        the number of the next item that is enqueued here, for those who enqueue
 *   nextseq    the number of the next item that is worked on, for the one who works
 *
 * Those who enqueue elsewhere, and whose items come here by push or as files, have their own `seq`.
 */

/** How many digits the number of an item has in its name: enough for 2^64-1. */
const digits = 20

/** The sequence files in the directory of a queue, and what is beside them. */
export const sequenceNames: readonly string[] = ['seq', 'nextseq'].flatMap((name) => [
  name,
  `${name}.lock`,
  `${name}.temp`,
  `${name}.new`,
])

/** The numbers of those who enqueue. */
export function sendersSequence(queue: QueueContext): SequenceFile {
  return sequenceFile(queue, 'seq')
}

/** The number of the one who works. */
export function workersSequence(queue: QueueContext): SequenceFile {
  return sequenceFile(queue, 'nextseq')
}

/** Whether items were enqueued to a queue, or worked on in it, in order. */
export function isOrdered(queue: QueueContext): boolean {
  return [sendersSequence, workersSequence].some((of) => statEntry(of(queue).path) !== undefined)
}

function sequenceFile(queue: QueueContext, name: string): SequenceFile {
  const { settings, paths } = queue
  const { mode, ...owner } = ownershipLikeQueue(queue)
  return new SequenceFile(`${paths.directory}/${name}`, {
    ownership: { ...owner, mode: mode & 0o666 },
    drafts: paths.tmp,
    sync: settings.durability !== 'none',
  })
}

/** The entropy of the item with that number. */
export function sequenceEntropy(number: bigint): string {
  return String(number).padStart(digits, '0')
}

/** The number of an item, by its name as a byte string; nothing where it has none. */
export function sequenceOf(entry: string): bigint | undefined {
  const delimiter = entry.charAt(0)
  const [, , entropy = ''] = entry.split(delimiter, 3)
  if (entropy.length !== digits || !/^[0-9]+$/.test(entropy)) return undefined
  const number = BigInt(entropy)
  return number > lastInSequence ? undefined : number
}

/**
 * A number that a caller gave.
 *
 * @throws `TypeError`
 */
export function checkedSequence(given: bigint | number | string): bigint {
  const fits =
    typeof given === 'bigint' ||
    (typeof given === 'number' ? Number.isSafeInteger(given) : /^[0-9]{1,20}$/.test(given))
  const number = fits ? BigInt(given) : -1n
  if (number >= 0n && number <= lastInSequence) return number
  throw new TypeError(`Expected \`sequence\` to be a number from 0 to 2^64-1, got ${given}`)
}

/** How far a number is ahead of another in a sequence that goes on with 0 behind the last. */
export function aheadOf(number: bigint, other: bigint): bigint {
  return BigInt.asUintN(64, number - other)
}

/** Whether a number is behind another: its turn is over. */
export function isPast(number: bigint, next: bigint): boolean {
  return aheadOf(number, next) >= 2n ** 63n
}
