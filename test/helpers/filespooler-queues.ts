import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { Job } from '../../lib/adapters/filespooler/job.js'
import { type FilespoolerQueue, initFilespooler } from '../../lib/adapters/filespooler/queue.js'
import { temporaryDirectory } from './temporary.js'

/** A queue of each of some names. */
type Queues<Names extends readonly string[]> = { [At in keyof Names]: FilespoolerQueue }

/** A queue that jobs are to be moved from, and others. */
export interface SourceAndQueues<Names extends readonly string[]> {
  /** What they are in. */
  readonly directory: string
  readonly source: FilespoolerQueue
  readonly queues: Queues<Names>
}

/** Makes a queue `source`, and others, in a directory that goes when the test ends. */
export async function queuesIn<const Names extends readonly string[]>(
  t: Test,
  ...names: Names
): Promise<SourceAndQueues<Names>> {
  const directory = temporaryDirectory(t)
  const make = async (name: string): Promise<FilespoolerQueue> =>
    initFilespooler(`${directory}/${name}`)
  const source = await make('source')
  return { directory, source, queues: (await Promise.all(names.map(make))) as Queues<Names> }
}

/** A job that was made so many seconds after some moment. */
export function jobOf(sequence: bigint, seconds = BigInt.asUintN(20, sequence)): Job {
  return {
    type: 'command',
    sequence,
    created: { seconds: 1_700_000_000n + seconds, nanoseconds: 0 },
    parameters: [],
    environment: [],
  }
}

/** Adds jobs of these numbers, with their numbers for payloads. */
export async function addJobs(
  queue: FilespoolerQueue,
  ...sequences: readonly (number | bigint)[]
): Promise<void> {
  for (const sequence of sequences)
    await queue.add(jobOf(BigInt(sequence)), [Buffer.from(`${sequence}\n`)])
}

/** The numbers of the jobs in a queue, in order. */
export async function numbersIn(queue: FilespoolerQueue): Promise<number[]> {
  return (await queue.list()).jobs.map(({ job }) => Number(job.sequence))
}

/** What nextseq says. */
export function nextIn({ paths }: FilespoolerQueue): string {
  return readFileSync(paths.nextseq, 'latin1').trim()
}
