import { FsqError } from '../../errors.js'
import { queueAt } from '../../root/queue-at.js'
import { type LastFailure, lastFailures } from '../../upkeep/last-failures.js'
import { listQueues } from '../../upkeep/list-queues.js'
import { requeueItems } from '../../upkeep/requeue-items.js'
import { processTable, type QueueStat, statQueueWith } from '../../upkeep/stat-queue.js'
import { type Call, defineCommand } from '../command.js'
import { eachOf } from '../each-queue.js'
import { printLines } from '../output.js'
import { canDraw, Screen } from '../screen.js'
import { topFrame } from '../top-frame.js'
import { firstView, press, type TopAction, type TopData, type TopView } from '../top-view.js'
import { interval } from '../values.js'
import { defaultInterval, pause } from '../watch.js'

interface Flags {
  readonly utc?: true
  readonly interval?: number
}

/** So many failures are shown, of all queues together. */
const mostFailures = 50

export default defineCommand<Flags>({
  operands: '[queue...]',
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('--utc', 'times in UTC')
      .option('-n, --interval <duration>', 'count so often (default: 2s)', interval),
  async run(call) {
    if (canDraw()) {
      await live(call)
      return 0
    }
    const { data, status } = await collect(call)
    const paper = { columns: Infinity, rows: Infinity, colour: false, utc: call.flags.utc }
    for (const error of data.errors) call.say(error)
    if (data.stats.length > 0 || status === 0)
      await printLines(topFrame({ ...data, errors: [] }, firstView, paper))
    return status
  },
})

async function live(call: Call<Flags>): Promise<void> {
  const { interval: seconds = defaultInterval, utc } = call.flags
  const quit = new AbortController()
  const { signal } = quit
  let again = new AbortController()
  let view: TopView = firstView
  let data: TopData | undefined
  const colour = (process.env['NO_COLOR'] ?? '') === ''
  const draw = (): void => {
    if (data === undefined) return
    const { columns, rows } = screen
    screen.draw(topFrame(data, view, { columns, rows, colour, utc }))
  }
  const act = async (action: TopAction): Promise<void> => {
    if (action.act === 'quit') quit.abort()
    else view = { ...view, message: await actOn(call, action) }
    again.abort() // What has changed is to be seen at once.
    draw()
  }
  using screen = new Screen({
    onKey(key) {
      if (data === undefined && key !== 'q') return
      const pressed = press(data ?? { ...nothing, root: '' }, view, key)
      view = pressed.view
      if (pressed.action !== undefined) void act(pressed.action)
      draw()
    },
    onRedraw: draw,
  })
  screen.draw(['counting…'])
  try {
    while (!signal.aborted) {
      again = new AbortController()
      data = (await collect(call, signal)).data
      draw()
      const either = AbortSignal.any([signal, again.signal])
      await pause(seconds, either).catch(() => undefined)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const nothing = { at: new Date(0), stats: [], failures: [], errors: [] }

/** Does what was asked for; what became of it, in words. */
async function actOn(
  { root }: Call<Flags>,
  action: Exclude<TopAction, { act: 'quit' }>,
): Promise<string> {
  try {
    const queue = queueAt(root(), action.queue)
    switch (action.act) {
      case 'down':
        await queue.down()
        return `${action.queue} is down`
      case 'up':
        await queue.up()
        return `${action.queue} is up`
      case 'requeue':
        for await (const { error, newId } of requeueItems(queue, { ids: [action.id] }))
          return error?.message ?? `${newId ?? action.id} is in ${action.queue} again`
        return `${action.id} is not in ${action.queue} any more`
    }
  } catch (error) {
    if (error instanceof FsqError) return error.message
    throw error
  }
}

async function collect(
  call: Call<Flags>,
  signal?: AbortSignal,
): Promise<{ data: TopData; status: number }> {
  const root = call.root()
  const processes = processTable(root.settings)
  const stats: QueueStat[] = []
  const failures: LastFailure[] = []
  const errors: string[] = []
  const say = (message: string): void => {
    errors.push(message)
  }
  const names = call.operands.length > 0 ? call.operands : listQueues(root)
  const status = await eachOf(names, { say }, async (name) => {
    const queue = queueAt(root, name)
    stats.push(await statQueueWith(processes, queue, { signal }))
    failures.push(...(await lastFailures(queue, { most: mostFailures, signal })))
  })
  failures.sort((a, b) => b.failedAt.getTime() - a.failedAt.getTime())
  return {
    data: {
      root: root.settings.root,
      at: new Date(),
      stats,
      failures: failures.slice(0, mostFailures),
      errors,
    },
    status,
  }
}
