import { setTimeout } from 'node:timers/promises'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import type { Queue } from '../root/queue.js'
import { examine } from './examine.js'
import { type AuditOptions, auditOptions, type Finding, type Mend } from './finding.js'

/** How a queue is repaired. */
export interface RepairOptions extends AuditOptions {
  /** Change nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean | undefined
}

const known: ReadonlySet<string> = new Set<keyof RepairOptions>([...auditOptions, 'dryRun'])

/** What became of a finding. */
export interface Repair {
  /** What was found. */
  readonly finding: Finding
  /**
   * `mended`, and synced to the disk; or, in a dry run, it `would` be; or it was `left` as it is.
   */
  readonly outcome: 'mended' | 'would' | 'left'
  /** What was done, or would be: `removed`. Not where there is nothing that could be. */
  readonly action?: string
  /** What kept it from being mended: `FSQ_ITEM_LOCKED`, `FSQ_REPAIR`. */
  readonly error?: FsqError
}

/**
 * Mends what {@link auditQueue} finds, as far as that is safe: no item, and nothing else that was
 * acknowledged, loses its last name. What crashes left is finished or removed, and what a scan
 * would move to fail/ is moved there. Each change is made under the item's lock and is synced before
 * it is told. A second run finds nothing of what was mended; several at once, or beside programs
 * that use the queue, do no harm, if `older` is longer than an enqueue takes.
 *
 * What somebody else has mended or finished meanwhile is not told of, nor are findings about which
 * there is nothing to do.
 *
 * @throws {@link FsqError} `FSQ_AUDIT`, `FSQ_NO_QUEUE`; `FSQ_NO_USER`, `FSQ_NO_GROUP` where the
 * settings name such as owners; `TypeError` for an option.
 */
export async function* repairQueue(
  queue: Queue,
  options: RepairOptions = {},
): AsyncGenerator<Repair, undefined> {
  checkMembers('an option of repairQueue', options, known)
  const patience = { left: 1000 }
  for await (const { finding, mend } of examine(queue, options)) {
    if (finding.remedy === 'none') continue
    const repair =
      mend === undefined
        ? ({ finding, outcome: 'left' } as const)
        : options.dryRun === true
          ? ({ finding, outcome: 'would', action: mend.action } as const)
          : await mendNow(finding, mend, patience)
    if (repair !== undefined) yield repair
  }
  return undefined
}

/** In milliseconds: how long what is locked is waited for at most, and then looked at again. */
const [longest, again] = [250, 25]

/** How many milliseconds a repair may still wait for locks, all in all. */
interface Patience {
  left: number
}

async function mendNow(
  finding: Finding,
  { action, run }: Mend,
  patience: Patience,
): Promise<Repair | undefined> {
  try {
    return (await unlocked(run, patience)) ? { finding, outcome: 'mended', action } : undefined
  } catch (error) {
    const left = { finding, outcome: 'left', action } as const
    if (error instanceof FsqError) return { ...left, error }
    if (errnoOf(error) === undefined) throw error
    const fields = { queue: finding.queue, path: finding.path, cause: error }
    return { ...left, error: new FsqError('FSQ_REPAIR', reasonOf(error), fields) }
  }
}

/**
 * Does it; where somebody has it locked, once more a moment later: a scan, or another repair, has
 * mended it by then. A worker has it for longer, and is not waited for.
 */
async function unlocked(run: Mend['run'], patience: Patience): Promise<boolean> {
  for (let waited = 0; ; waited += again) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof FsqError) || error.code !== 'FSQ_ITEM_LOCKED') throw error
      if (waited >= longest || patience.left <= 0) throw error
    }
    patience.left -= again
    await setTimeout(again)
  }
}
