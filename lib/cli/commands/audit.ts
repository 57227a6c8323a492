import ms from 'ms'
import { auditQueue } from '../../upkeep/audit.js'
import type { Finding } from '../../upkeep/finding.js'
import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { type ExamineFlags, examineFlags } from '../examine-flags.js'
import { harmless, jsonLine, print } from '../output.js'

interface Flags extends ExamineFlags {
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) => examineFlags(command.option('--json', 'a JSON object a line')),
  async run(call) {
    const { json, ...options } = call.flags
    let wrong = 0
    const status = await eachQueue(call, async (queue) => {
      let found = 0
      for await (const finding of auditQueue(queue, options)) {
        found++
        if (finding.remedy !== 'none') wrong++
        await print(json === true ? jsonLine(finding) : text(finding))
      }
      call.chirp(`${queue.name}: ${found} found`)
    })
    return status === 0 && wrong > 0 ? 1 : status
  },
})

function text({ path, kind, age, reason, remedy }: Finding): string {
  const since = age === undefined ? '' : `, ${ms(Math.round(age) * 1000)}`
  const advice = { repair: 'fsq repair mends it', decide: 'decide yourself', none: 'nothing to do' }
  return `${harmless(`${path}: ${kind}${since}: ${reason} (${advice[remedy]})`)}\n`
}
