import { type Repair, repairQueue } from '../../upkeep/repair.js'
import { defineCommand } from '../command.js'
import { eachQueueOrAll } from '../each-queue.js'
import { type ExamineFlags, examineFlags, examineOptions } from '../examine-flags.js'
import { errorJson, harmless, jsonLine, print } from '../output.js'

interface Flags extends ExamineFlags {
  readonly dryRun?: true
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    examineFlags(
      command
        .option('--dry-run', 'change nothing; print what would be done')
        .option('--json', 'a JSON object a line'),
    ),
  async run(call) {
    const { json, dryRun } = call.flags
    const options = { ...examineOptions(call.flags), dryRun }
    let left = 0
    const status = await eachQueueOrAll(call, async (queue) => {
      let mended = 0
      for await (const repair of repairQueue(queue, options)) {
        if (repair.outcome === 'left') left++
        else mended++
        await print(json === true ? jsonLine(jsonOf(repair)) : text(repair))
      }
      call.chirp(`${queue.name}: ${mended} ${dryRun === true ? 'would be mended' : 'mended'}`)
    })
    return status === 0 && left > 0 ? 1 : status
  },
})

/** The members of the finding, and what was done about it. */
function jsonOf({ finding, error, ...done }: Repair): object {
  return { ...finding, ...done, ...(error === undefined ? {} : { error: errorJson(error) }) }
}

function text({ finding: { path, kind, reason }, outcome, action = '', error }: Repair): string {
  const what = {
    mended: action,
    would: `would be ${action}`,
    left: error === undefined ? 'left; decide yourself' : `left; ${error.message}`,
  }
  return `${harmless(`${path}: ${kind}: ${what[outcome]}: ${reason}`)}\n`
}
