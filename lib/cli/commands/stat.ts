import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { processTable, type QueueStat, statQueueWith } from '../../upkeep/stat-queue.js'
import { type Call, defineCommand } from '../command.js'
import { eachQueueOrAll } from '../each-queue.js'
import { harmless, jsonLine, printLines } from '../output.js'
import { prometheusLines } from '../prometheus.js'
import { agesTable, statDetails, statTable } from '../stat-text.js'
import { formatTime, withTimes } from '../times.js'
import { UsageError } from '../usage-error.js'
import { duration, file, interval, oneOf } from '../values.js'
import { defaultInterval, watch } from '../watch.js'

const formats = ['table', 'json', 'prometheus'] as const

interface Flags {
  readonly long?: true
  readonly ages?: true
  readonly json?: true
  readonly format?: (typeof formats)[number]
  readonly output?: string
  readonly older?: number
  readonly utc?: true
  readonly watch?: true
  readonly interval?: number
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('-l, --long', 'all that there is to tell of each queue')
      .option('--ages', 'how many items have waited for how many minutes')
      .option('--json', 'a JSON object a line')
      .option('--format <format>', `one of ${formats.join(', ')}`, oneOf(formats))
      .option('-o, --output <file>', 'replace this file, in place of printing', file)
      .option('--older <duration>', 'exit with 1 if an item has waited for so long', duration)
      .option('--utc', 'times in UTC')
      .option('-w, --watch', 'show it again and again, in place on a terminal')
      .option('-n, --interval <duration>', `so often with --watch (default: 2s)`, interval),
  async run(call) {
    const { flags } = call
    const kinds = [flags.long, flags.ages, flags.json, flags.format].filter(Boolean)
    if (kinds.length > 1) throw new UsageError('-l, --ages, --json and --format exclude each other')
    if (flags.interval !== undefined && flags.watch !== true)
      throw new UsageError('--interval is for --watch')
    if (flags.older !== undefined && flags.watch === true)
      throw new UsageError('--older is an exit status, and --watch has no end')
    if (flags.watch === true) {
      await watchStats(call)
      return 0
    }
    const { stats, status } = await collect(call)
    await emit(linesOf(stats, flags), flags)
    const { older = Infinity } = flags
    const late = stats.some(({ oldestAge = 0, waiting }) => waiting > 0 && oldestAge >= older)
    return status === 0 && late ? 1 : status
  },
})

/** The file to write; none for `-`, which is the standard output. */
function fileOf({ output }: Flags): string | undefined {
  return output === '-' ? undefined : output
}

async function watchStats(call: Call<Flags>): Promise<void> {
  const { flags, operands } = call
  const { interval: seconds = defaultInterval } = flags
  const output = fileOf(flags)
  const isTable = kindOf(flags) === 'table'
  await watch({
    interval: seconds,
    toScreen: isTable && output === undefined,
    whole: output !== undefined,
    async lines(signal) {
      const failures: string[] = []
      const say = (message: string): void => {
        failures.push(message)
      }
      const { stats } = await collect(
        output === undefined && isTable ? { ...call, say } : call,
        signal,
      )
      const lines = [...linesOf(stats, flags), ...failures.map(harmless)]
      if (!isTable) return lines
      const title = `every ${seconds}s: fsq stat ${harmless(operands.join(' '))}`.trimEnd()
      return [`${title}  ${formatTime(new Date(), flags)}`, '', ...lines]
    },
    print: (lines) => emit(isTable ? [...lines, ''] : lines, flags),
  })
}

async function collect(
  call: Call<Flags>,
  signal?: AbortSignal,
): Promise<{ stats: QueueStat[]; status: number }> {
  const stats: QueueStat[] = []
  const processes = processTable(call.root().settings)
  const status = await eachQueueOrAll(call, async (queue) => {
    stats.push(await statQueueWith(processes, queue, { signal }))
  })
  return { stats, status }
}

function kindOf({ json, format = 'table' }: Flags): (typeof formats)[number] {
  return json === true ? 'json' : format
}

function linesOf(stats: readonly QueueStat[], flags: Flags): string[] {
  switch (kindOf(flags)) {
    case 'json':
      return stats.map((stat) => jsonLine(withTimes(stat, flags)).trimEnd())
    case 'prometheus':
      return prometheusLines(stats)
    case 'table':
      if (flags.long === true) return statDetails(stats)
      return flags.ages === true ? agesTable(stats) : statTable(stats)
  }
}

/** Prints the lines, or puts them into a file, which others see with all of them or as it was. */
async function emit(lines: readonly string[], flags: Flags): Promise<void> {
  const output = fileOf(flags)
  if (output === undefined) {
    // A label may have control characters; nothing else does here.
    const isRaw = kindOf(flags) === 'prometheus' && process.stdout.isTTY
    await printLines(isRaw ? lines.map(harmless) : lines)
    return
  }
  const { writeOutput } = await import('../../posix/write-output.js')
  try {
    await writeOutput(output, lines.map((line) => `${line}\n`).join(''))
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause
    throw new FsqError('FSQ_OUTPUT', `cannot write ${output}: ${reasonOf(cause)}`, { cause })
  }
}
