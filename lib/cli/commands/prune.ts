import type { Queue } from '../../root/queue.js'
import { pruneItems } from '../../upkeep/prune-items.js'
import { catchSignals } from '../../work/signals.js'
import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { harmless, jsonLine, lineWriter } from '../output.js'
import { progressBar } from '../progress.js'
import { count, duration, size } from '../values.js'

interface Flags {
  readonly verbose?: true
  readonly done?: true
  readonly fail?: true
  readonly older?: number
  readonly keep?: number
  readonly bytes?: number
  readonly dryRun?: true
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('--done', 'prune done/ (default)')
      .option('--fail', 'prune fail/')
      .option('--older <duration>', 'what was finished so long ago: 90s, 10m, 7d', duration)
      .option('--keep <n>', 'keep the n that were finished last', count)
      .option('--bytes <size>', 'the oldest, until the others have so many: 64K, 10M, 1G', size)
      .option('--dry-run', 'remove nothing; print what would be')
      .option('--json', 'a JSON object a line, for each that is removed'),
  async run(call) {
    const { done, fail, older, keep, bytes, dryRun = false, json } = call.flags
    const states = [
      ...(done === true || fail !== true ? (['done'] as const) : []),
      ...(fail === true ? (['fail'] as const) : []),
    ]
    // Where something else is written there is no place for a bar, nor is there in cron.
    const isQuiet = !dryRun && json !== true && call.flags.verbose !== true
    using signals = catchSignals()
    signals.again.addEventListener('abort', signals.die)
    try {
      return await eachQueue(call, prune)
    } catch (error) {
      if (error !== signals.signal.reason || signals.caught === undefined) throw error
      signals.die()
      return 111
    }

    async function prune(queue: Queue): Promise<void> {
      using progress =
        isQuiet && process.stderr.isTTY ? await progressBar(harmless(queue.name)) : undefined
      const lines = lineWriter()
      try {
        const { removed } = await pruneItems(queue, {
          states,
          olderThan: older,
          keep,
          bytes,
          dryRun,
          signal: signals.signal,
          onProgress: progress?.show,
          onRemove: (state, id) => {
            const path = `${queue.context.paths[state]}/${harmless(id)}`
            const outcome = dryRun ? 'would' : 'removed'
            if (json === true)
              return lines.write(jsonLine({ queue: queue.name, state, id, outcome }))
            if (dryRun) return lines.write(`${path}\n`)
            call.chirp(`removed ${path}`)
            return undefined
          },
        })
        call.chirp(`${queue.name}: ${removed} ${dryRun ? 'would be removed' : 'removed'}`)
      } finally {
        await lines.flush() // Also of what went before an error, or a signal.
      }
    }
  },
})
