import ms from 'ms'
import { auditQueue } from '../../upkeep/audit.js'
import type { Finding } from '../../upkeep/finding.js'
import { defineCommand } from '../command.js'
import { eachQueueOrAll } from '../each-queue.js'
import { type ExamineFlags, examineFlags, examineOptions } from '../examine-flags.js'
import { harmless, jsonLine, print } from '../output.js'

interface Flags extends ExamineFlags {
  readonly json?: true
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) => examineFlags(command.option('--json', 'a JSON object a line')),
  async run(call) {
    const { json } = call.flags
    const options = examineOptions(call.flags)
    let wrong = 0
    const status = await eachQueueOrAll(call, async (queue) => {
      let found = 0
      for await (const finding of auditQueue(queue, options)) {
        found++
        if (finding.remedy !== 'none') wrong++
        await print(json === true ? jsonLine(finding) : text(finding, options))
      }
      call.chirp(`${queue.name}: ${found} found`)
    })
    return status === 0 && wrong > 0 ? 1 : status
  },
})

function text(finding: Finding, options: ExamineFlags): string {
  const { path, kind, age, reason, remedy } = finding
  const since = age === undefined ? '' : `, ${ms(Math.round(age) * 1000)}`
  const advice = {
    repair: `${repairCommand(finding.queue, options)} mends it`,
    decide: 'decide yourself',
    none: 'nothing to do',
  }
  return `${harmless(`${path}: ${kind}${since}: ${reason} (${advice[remedy]})`)}\n`
}

/** The repair that finds what was found: where flags were given, it needs them as well. */
function repairCommand(queue: string, { older, maxTries, ttl }: ExamineFlags): string {
  const flags = [
    ...(older === undefined ? [] : ['--older', durationText(older)]),
    ...(maxTries === undefined ? [] : ['-m', String(maxTries)]),
    ...(ttl === undefined ? [] : ['-t', String(ttl)]),
  ]
  if (flags.length === 0) return 'fsq repair'
  const word = /^[\w.,:+=@%-]+$/.test(queue) ? queue : `'${queue.replace(/'/g, "'\\''")}'`
  return `"fsq repair ${flags.join(' ')} ${queue.startsWith('-') ? '-- ' : ''}${word}"`
}

/** Seconds as a duration is given, in the largest unit that has a whole number of them. */
function durationText(seconds: number): string {
  const units = Object.entries({ w: 604_800, d: 86_400, h: 3600, m: 60 })
  const [unit, size] = units.find(([, each]) => seconds > 0 && seconds % each === 0) ?? ['s', 1]
  return `${seconds / size}${unit}`
}
