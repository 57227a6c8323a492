import { defaultAge, pruneItems } from '../../upkeep/prune-items.js'
import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { harmless, print } from '../output.js'
import { duration } from '../values.js'

interface Flags {
  readonly done?: true
  readonly fail?: true
  readonly older?: number
  readonly dryRun?: true
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
      .option('--dry-run', 'remove nothing; print what would be'),
  async run(call) {
    const { done, fail, older = defaultAge, dryRun = false } = call.flags
    const states = [
      ...(done === true || fail !== true ? (['done'] as const) : []),
      ...(fail === true ? (['fail'] as const) : []),
    ]
    return eachQueue(call, async (queue) => {
      const found: string[] = []
      const { removed } = await pruneItems(queue, {
        states,
        olderThan: older,
        dryRun,
        onRemove: (state, id) => {
          const name = `${queue.context.paths[state]}/${harmless(id)}`
          if (dryRun) found.push(`${name}\n`)
          else call.chirp(`removed ${name}`)
        },
      })
      await print(found.join(''))
      call.chirp(`${queue.name}: ${removed} ${dryRun ? 'would be removed' : 'removed'}`)
    })
  },
})
