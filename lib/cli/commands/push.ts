import { FsqError } from '../../errors.js'
import { type PushEvent, pushItems } from '../../remote/push-items.js'
import type { Remote } from '../../remote/remote.js'
import { RemoteError } from '../../remote/trouble.js'
import type { Queue } from '../../root/queue.js'
import { catchSignals } from '../../work/signals.js'
import { type Call, defineCommand } from '../command.js'
import { durabilityFlag, type DurabilityFlags } from '../durability-flag.js'
import { eachOf } from '../each-queue.js'
import { reportJob } from '../job-report.js'
import { readNames } from '../read-names.js'
import { remoteFlags, type RemoteFlags, remoteOf } from '../remote-flags.js'
import { UsageError } from '../usage-error.js'
import { positive } from '../values.js'

interface Flags extends RemoteFlags, DurabilityFlags {
  readonly all?: true
  readonly follow?: true
  readonly lock?: false
  readonly trigger?: true
  readonly ignoreListener?: true
  readonly done?: false
  readonly jobs?: number
  readonly null?: true
}

export default defineCommand<Flags>({
  operands: 'remote src_queue trg_queue host [item...]',
  atLeast: 4,
  flagsAnywhere: true,
  flags: (command) =>
    durabilityFlag(
      remoteFlags(
        command
          .option('--all', 'every item; while the remote is away, wait for it')
          .option('--follow', 'with --all: go on with items as they arrive')
          .option('-D, --no-done', 'leave the items as they are once they are pushed')
          .option('-L, --no-lock', 'do not lock the items')
          .option('-t, --trigger', 'pull the trigger of trg_queue at the remote afterwards')
          .option('-i, --ignore-listener', 'that nobody listens to that is no error')
          .option('-j, --jobs <n>', 'send n items of --all at a time (default: 1)', positive)
          .option('-0, --null', 'names on stdin end with NUL, not with a line break'),
      ),
    ),
  async run(call) {
    const { flags, operands } = call
    check(call)
    const [address = '', source = '', target = '', host = ''] = operands
    if (source.includes('/'))
      throw new UsageError(
        `src_queue is ${JSON.stringify(source)}; of a host queue, the host is the fourth operand`,
      )
    const root = call.root({ durability: flags.durability })
    const queue = host === '-' ? root.queue(source) : root.queue(source).host(host)
    const remote = remoteOf(address, flags, flags.jobs ?? 1)
    try {
      const push = flags.all === true ? pushAll : pushNamed
      return await push(call, queue, remote, target)
    } finally {
      remote.close()
    }
  },
})

function check({ flags, operands }: Call<Flags>): void {
  const items = operands.slice(4)
  if (flags.all === true && items.length > 0)
    throw new UsageError('items are given by names or by --all, not both')
  if (flags.all !== true && items.length === 0)
    throw new UsageError('no item given; --all is every item')
  if (flags.follow === true && flags.all !== true) throw new UsageError('--follow goes with --all')
  if (flags.all === true && flags.done === false)
    throw new UsageError('--no-done goes with names: of --all it would leave no end')
}

async function pushNamed(
  call: Call<Flags>,
  queue: Queue,
  remote: Remote,
  target: string,
): Promise<number> {
  const { flags, operands } = call
  await queue.isDown() // Looks whether there is such a queue, before names are waited for.
  const names = readNames(operands.slice(4), flags.null === true ? '\0' : '\n')
  let away: RemoteError | undefined
  let pushed = 0
  let status = await eachOf(names, call, async (id) => {
    if (away !== undefined)
      throw new FsqError('FSQ_PUSH', `${id}: not tried, for the same reason`, { id, cause: away })
    const item = await queue.claim(id, { inherited: [0, 3], lock: flags.lock !== false })
    try {
      await remote.push(item, target)
      pushed++
      if (flags.done !== false) await item.done()
      call.chirp(`${id}: pushed to ${target} at ${remote.name}`)
    } catch (error) {
      if (error instanceof RemoteError && error.isOfAll) away = error
      throw error
    } finally {
      item.close()
    }
  })
  if (flags.trigger === true && pushed > 0) {
    status ||= await eachOf([target], call, (name) =>
      remote.triggerPull(name, { ignoreListener: flags.ignoreListener === true }),
    )
  }
  return status
}

async function pushAll(
  call: Call<Flags>,
  queue: Queue,
  remote: Remote,
  target: string,
): Promise<number> {
  const { flags } = call
  const follow = flags.follow === true
  using signals = catchSignals()
  signals.again.addEventListener('abort', signals.die)
  const { pushed, refused, left } = await pushItems(queue, remote, target, {
    follow,
    concurrency: (flags.jobs ?? 1) * 2, // While one is finished, the next is sent.
    ...(flags.lock === undefined ? {} : { lock: flags.lock }),
    trigger: flags.trigger === true,
    ignoreListener: flags.ignoreListener === true,
    signal: signals.signal,
    onEvent: (event) => {
      report(event, remote, call)
    },
  })
  call.chirp(`${pushed} pushed, ${refused} refused, ${left} left`)
  const isWhole = refused === 0 && left === 0 && signals.caught === undefined
  return follow || isWhole ? 0 : queue.context.settings.failTmp
}

function report(event: PushEvent, remote: Remote, call: Call<Flags>): void {
  switch (event.type) {
    case 'away':
      call.say(`${event.error.message}; it is tried again until it is back`)
      break
    case 'back':
      call.say(`${remote.name} is back`)
      break
    case 'down':
    case 'up':
      if (call.flags.follow === true) call.say(`${event.queue} is ${event.type}`)
      break
    case 'idle':
      call.chirp('nothing left to push')
      break
    default:
      if (event.type === 'error' && event.id === undefined) call.say(event.error.message)
      else reportJob(event, call)
  }
}
