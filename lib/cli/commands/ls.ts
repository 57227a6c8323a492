import { itemStates, type ItemState, entriesOf, listItems } from '../../upkeep/list-items.js'
import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { itemJson } from '../item-json.js'
import { harmless, jsonLine, print, printLines } from '../output.js'
import { withTimes } from '../times.js'
import { UsageError } from '../usage-error.js'
import { oneOf } from '../values.js'

interface Flags {
  readonly hosts?: true
  readonly state?: ItemState | 'all'
  readonly json?: true
  readonly null?: true
  readonly long?: true
  readonly utc?: true
}

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('-a, --hosts', 'the host queues as well as the queues')
      .option(
        '-s, --state <state>',
        `which items: ${[...itemStates, 'all'].join(', ')} (default: queue)`,
        oneOf([...itemStates, 'all']),
      )
      .option('-l, --long', 'a table: times, tries, size, locked, arguments')
      .option('--json', 'a JSON object a line')
      .option('--utc', 'times in UTC')
      .option('-0, --null', 'end names with NUL, not with a line break'),
  async run(call) {
    const { operands, flags, root } = call
    const formats = [flags.long, flags.json, flags.null].filter((flag) => flag === true)
    if (formats.length > 1) throw new UsageError('-l, --json and -0 exclude each other')
    if (operands.length === 0) {
      if (flags.long === true || flags.state !== undefined)
        throw new UsageError('-l and -s are about items: name a queue')
      const names: string[] = []
      for (const name of await root().queues()) {
        names.push(name)
        if (flags.hosts !== true) continue
        for (const host of await root().queue(name).hosts()) names.push(`${name}/${host}`)
      }
      if (flags.json === true) {
        for (const queue of names) await print(jsonLine({ queue }))
        return 0
      }
      await printNames(
        names.map((name) => Buffer.from(name).toString('latin1')),
        flags.null === true,
      )
      return 0
    }
    if (flags.hosts === true)
      throw new UsageError('--hosts is about queues; a host queue is named as mail/backup1')
    return eachQueue(call, async (queue) => {
      const { state = 'queue' } = flags
      const states = state === 'all' ? itemStates : [state]
      if (flags.long === true) {
        const { itemTable } = await import('../table.js')
        if (operands.length > 1) await print(`${harmless(queue.name)}:\n`)
        await printLines(itemTable(() => listItems(queue, { states }), flags))
      } else if (flags.json === true) {
        for (const item of listItems(queue, { states }))
          await print(jsonLine(withTimes(itemJson(item), flags)))
      } else {
        const names = [...entriesOf(queue, { states })].map(([, entry]) => entry)
        await printNames(names, flags.null === true)
      }
    })
  },
})

/** Names as they are, for other programs; for a person's terminal without what could steer it. */
async function printNames(names: readonly string[], nul: boolean): Promise<void> {
  const end = nul ? '\0' : '\n'
  for (let from = 0; from < names.length; from += 1000) {
    const some = names.slice(from, from + 1000)
    if (process.stdout.isTTY) {
      const texts = some.map((name) => harmless(Buffer.from(name, 'latin1').toString()) + end)
      await print(texts.join(''))
    } else {
      await print(Buffer.from(some.map((name) => name + end).join(''), 'latin1'))
    }
  }
}
