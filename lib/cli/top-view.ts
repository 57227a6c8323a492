import type { LastFailure } from '../upkeep/last-failures.js'
import type { QueueStat } from '../upkeep/stat-queue.js'

/** What is known of the queues. */
export interface TopData {
  readonly root: string
  readonly at: Date
  readonly stats: readonly QueueStat[]
  /** The latest first. */
  readonly failures: readonly LastFailure[]
  /** What could not be told, in words. */
  readonly errors: readonly string[]
}

/** Something that is done to a queue. */
export type TopAction =
  | { readonly act: 'quit' }
  | { readonly act: 'down' | 'up'; readonly queue: string }
  | { readonly act: 'requeue'; readonly queue: string; readonly id: string }

/** What somebody is looking at. */
export interface TopView {
  /** The list in which keys move. */
  readonly pane: 'queues' | 'failures'
  /** The queue that is chosen; the first where there is none of that name. */
  readonly queue?: string
  /** The failure that is chosen, by {@link keyOf}; the first where there is none such. */
  readonly failure?: string
  /** What waits for a yes. */
  readonly asking?: TopAction
  /** What became of the last action. */
  readonly message?: string
  readonly help?: boolean
}

export const firstView: TopView = { pane: 'queues' }

/** Tells a failure from all others. */
export function keyOf({ queue, id }: LastFailure): string {
  return `${queue}/${id}`
}

/** Where the chosen queue and the chosen failure are in their lists. */
export function chosen({ stats, failures }: TopData, view: TopView): Chosen {
  const at = {
    queues: Math.max(
      0,
      stats.findIndex(({ queue }) => queue === view.queue),
    ),
    failures: Math.max(
      0,
      failures.findIndex((each) => keyOf(each) === view.failure),
    ),
  }
  const failure = failures[at.failures]
  return { at, failure, queue: view.pane === 'queues' ? stats[at.queues]?.queue : failure?.queue }
}

/** See {@link chosen}. */
export interface Chosen {
  readonly at: Readonly<Record<TopView['pane'], number>>
  readonly failure: LastFailure | undefined
  /** The queue that an action is about. */
  readonly queue: string | undefined
}

/** How far each key moves; a page is ten. */
const moves: Readonly<Record<string, number>> = {
  ...{ up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10, home: -Infinity, end: Infinity },
}

/** The view after a key, and what is to be done. What cannot be undone is asked for first. */
export function press(
  data: TopData,
  { message: _, ...view }: TopView,
  key: string,
): { view: TopView; action?: TopAction } {
  const { asking, ...calm } = view
  if (asking !== undefined) return key === 'y' ? { view: calm, action: asking } : { view: calm }
  if (view.help === true) return key === 'q' ? quit(view) : { view: { ...view, help: false } }
  const { queue, failure } = chosen(data, view)
  const move = Object.hasOwn(moves, key) ? moves[key] : undefined
  if (move !== undefined) return { view: moved(data, view, move) }
  switch (key) {
    case 'q':
      return quit(view)
    case '?':
    case 'h':
      return { view: { ...view, help: true } }
    case 'tab':
      return { view: { ...view, pane: view.pane === 'queues' ? 'failures' : 'queues' } }
    case 'd':
      return queue === undefined ? { view } : { view: { ...view, asking: { act: 'down', queue } } }
    case 'u':
      return queue === undefined ? { view } : { view, action: { act: 'up', queue } }
    case 'r':
      if (failure === undefined) return { view: { ...view, message: 'nothing has failed' } }
      return {
        view: { ...view, asking: { act: 'requeue', queue: failure.queue, id: failure.id } },
      }
    default:
      return { view }
  }
}

function quit(view: TopView): { view: TopView; action: TopAction } {
  return { view, action: { act: 'quit' } }
}

function moved(data: TopData, view: TopView, by: number): TopView {
  const { at } = chosen(data, view)
  const to = (length: number): number => Math.max(0, Math.min(length - 1, at[view.pane] + by))
  if (view.pane === 'queues') {
    const queue = data.stats[to(data.stats.length)]?.queue
    return queue === undefined ? view : { ...view, queue }
  }
  const failure = data.failures[to(data.failures.length)]
  return failure === undefined ? view : { ...view, failure: keyOf(failure) }
}
