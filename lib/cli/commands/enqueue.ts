import { isatty } from 'node:tty'
import { Option } from 'commander'
import { FsqError } from '../../errors.js'
import type { Body } from '../../queue/body.js'
import { checkKey } from '../../queue/key.js'
import { queueAt } from '../../root/queue-at.js'
import { afterwards, pullAfterwards } from '../afterwards.js'
import { enqueueLines } from '../batch.js'
import { type Call, defineCommand } from '../command.js'
import { durabilityFlag, type DurabilityFlags } from '../durability-flag.js'
import { print } from '../output.js'
import { type OwnerFlags, ownerFlags } from '../owner-flags.js'
import { catchSignals } from '../../work/signals.js'
import { UsageError } from '../usage-error.js'
import { duration, file, host, sequence, time } from '../values.js'

interface Flags extends OwnerFlags, DurabilityFlags {
  readonly host?: string
  readonly file?: string
  readonly empty?: true
  readonly trigger?: true
  readonly print?: true
  readonly batch?: true
  readonly id?: string
  readonly onDuplicate?: 'ignore' | 'error' | 'replace'
  readonly delay?: number
  readonly at?: Date
  readonly ordered?: true
  readonly sequence?: bigint
}

export default defineCommand<Flags>({
  operands: 'queue [arg...]',
  atLeast: 1,
  flags: (command) =>
    durabilityFlag(
      ownerFlags(command, 'the item')
        .option('--host <host>', 'put it into the host queue of that host', host)
        .option('-f, --file <file>', 'take the body from a file; - is stdin', file)
        .option('-e, --empty', 'take no body')
        .option('-t, --trigger', 'pull the trigger once the item is enqueued')
        .option('-p, --print', 'print the name of the item')
        .option('--id <key>', 'enqueue nothing while an item with that key is there')
        .addOption(
          new Option('--on-duplicate <what>', 'what to do where there is one').choices([
            'ignore',
            'error',
            'replace',
          ]),
        )
        .option('--delay <duration>', 'not to be worked on for so long: 90s, 10m, 7d', duration)
        .option('--at <time>', 'not to be worked on before: 18:30, 2026-12-24T18:30', time)
        .option('--ordered', 'give it the next number of the queue, for scan --ordered')
        .option('--sequence <n>', 'give it that number', sequence)
        .option('--batch', 'read one item a line from stdin, as JSON; print one name a line'),
    ),
  async run(call) {
    const { operands, flags, chirp } = call
    const [name = '', ...args] = operands
    const { empty, user, group, mode, durability, onDuplicate, delay } = flags
    const named = queueAt(call.root({ durability }), name)
    const queue = flags.host === undefined ? named : named.host(flags.host)
    if (flags.file !== undefined && empty === true)
      throw new UsageError('-e and -f exclude each other')
    if (onDuplicate !== undefined && flags.batch !== true && flags.id === undefined)
      throw new UsageError('--on-duplicate says nothing without --id')
    if (delay !== undefined && flags.at !== undefined)
      throw new UsageError('--delay and --at exclude each other')
    if (flags.sequence !== undefined && (flags.ordered === true || flags.batch === true))
      throw new UsageError('--sequence excludes --ordered and --batch')
    using signals = catchSignals()
    const ordered = flags.ordered === true
    const { signal } = signals
    const options = { user, group, mode, onDuplicate, notBefore: flags.at, delay, ordered, signal }
    try {
      return await (flags.batch === true ? batch() : one())
    } catch (error) {
      if (error !== signals.signal.reason || signals.caught === undefined) throw error
      signals.die()
      return 111
    }

    async function batch(): Promise<number> {
      if (args.length > 0 || flags.file !== undefined || empty === true || flags.id !== undefined)
        throw new UsageError('--batch takes arguments, bodies and ids from stdin')
      let entered = 0
      try {
        return await enqueueLines(queue, options, call.say, (count) => {
          entered += count
        })
      } finally {
        if (flags.trigger === true && entered > 0) await pullAfterwards('enqueued', queue, call)
      }
    }

    async function one(): Promise<number> {
      const id = await enqueue()
      if (flags.print === true) {
        await afterwards('enqueued', call, () => print(`${id}\n`))
      }
      if (flags.trigger === true) await pullAfterwards('enqueued', queue, call)
      return 0
    }

    /** The name of the item, or of the one that has its key. */
    async function enqueue(): Promise<string> {
      const isIgnored = flags.id !== undefined && (onDuplicate ?? 'ignore') === 'ignore'
      const key = flags.id === undefined ? {} : { id: checkedKey(flags.id) }
      const own = { ...key, sequence: flags.sequence }
      const then = isIgnored ? { onDuplicate: 'error' as const } : {}
      try {
        const id = await queue.enqueue(bodyOf(flags, call), args, { ...options, ...own, ...then })
        chirp(`${name}: enqueued ${id}`)
        return id
      } catch (error) {
        if (!isIgnored || !(error instanceof FsqError) || error.code !== 'FSQ_ID_TAKEN') throw error
        const { id = '' } = error
        chirp(`${name}: there already: ${id}`)
        return id
      }
    }
  },
})

function checkedKey(key: string): string {
  try {
    checkKey(key)
    return key
  } catch (cause) {
    const message = cause instanceof TypeError ? cause.message : String(cause)
    throw new UsageError(message.replace('`id`', '--id'), cause)
  }
}

function bodyOf({ file: path, empty }: Flags, { say }: Call<Flags>): Body {
  if (path !== undefined && path !== '-') return { file: path }
  if (empty === true) return ''
  // Not process.stdin.isTTY: to look at process.stdin makes a pipe non-blocking, and a read of the
  // body that has to wait for it would then fail.
  if (isatty(0))
    say('reading the body from the terminal; end it with Ctrl-D (-e: no body, -f: from a file)')
  return { fd: 0 }
}
