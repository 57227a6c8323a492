import { AssertionError } from 'node:assert/strict'
import { inspect, isDeepStrictEqual } from 'node:util'
import { errnoOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { close, openEntry, readPieces } from '../posix/files.js'
import { entryPath, type Path } from '../posix/path.js'
import type { Queue } from '../root/queue.js'
import type { TypedQueue } from '../root/typed-queue.js'
import { type ItemState, listItems } from '../upkeep/list-items.js'

/** A queue, or one whose items have types. */
export type AnyQueue = Queue | Pick<TypedQueue, 'queue'>

/** An item as a test sees it: plain values, to be compared by any assertion library. */
export interface TestItem {
  /** Its name. */
  readonly id: string
  /** Its arguments; none where the name is malformed. */
  readonly arguments: readonly string[]
  /** The body as text in UTF-8. */
  readonly body: string
  /** How often it failed temporarily. */
  readonly tries: number
  /** Before which time it is not worked on, if it waits for one. */
  readonly notBefore?: Date
}

/** What an item must have; what is left out may be anything. */
export interface ExpectedItem {
  /** All arguments, in order; numbers stand for their digits. */
  readonly arguments?: readonly (string | number)[]
  /** The body: text, or what is written as JSON where it is no text. */
  readonly body?: unknown
  /** How often it failed temporarily. */
  readonly tries?: number
}

/**
 * The items of a queue in one of its directories, in the order of enqueueing.
 *
 * @throws `FSQ_NO_QUEUE`, `FSQ_SCAN`; the system's error where a body cannot be read.
 */
export async function itemsOf(queue: AnyQueue, state: ItemState = 'queue'): Promise<TestItem[]> {
  const items: TestItem[] = []
  const { context } = plain(queue)
  for (const item of listItems(plain(queue), { states: [state] })) {
    const { id, raw, name, notBefore } = item
    const body = await read(entryPath(context.paths[state], raw.toString('latin1')))
    if (body === undefined) continue // Somebody has moved it meanwhile.
    items.push({
      id,
      arguments: name?.arguments ?? [],
      body,
      tries: name?.tries ?? 0,
      ...(notBefore === undefined ? {} : { notBefore }),
    })
  }
  return items
}

/**
 * Asserts that there is such an item, and returns it: the first that has all that is expected.
 *
 * @throws `AssertionError` that lists what is there; what {@link itemsOf} throws.
 */
export async function assertItem(
  queue: AnyQueue,
  state: ItemState,
  expected: ExpectedItem = {},
): Promise<TestItem> {
  checkMembers('a member of an item', expected, known)
  const items = await itemsOf(queue, state)
  const found = items.find((item) => matches(item, expected))
  if (found !== undefined) return found
  throw new AssertionError({
    message: `${describe(queue, state)} has no item with ${inspect(expected)}: it ${items.length === 0 ? '' : 'has '}${list(items)}`,
    actual: items,
    expected,
    operator: 'assertItem',
    stackStartFn: assertItem,
  })
}

/**
 * Asserts that there is no such item; without `expected`, that there is none at all.
 *
 * @throws `AssertionError` that lists what is there; what {@link itemsOf} throws.
 */
export async function assertNoItem(
  queue: AnyQueue,
  state: ItemState,
  expected: ExpectedItem = {},
): Promise<void> {
  checkMembers('a member of an item', expected, known)
  const items = (await itemsOf(queue, state)).filter((item) => matches(item, expected))
  if (items.length === 0) return
  throw new AssertionError({
    message: `${describe(queue, state)} has ${list(items)}`,
    actual: items,
    expected: [],
    operator: 'assertNoItem',
    stackStartFn: assertNoItem,
  })
}

function plain(queue: AnyQueue): Queue {
  return 'queue' in queue ? queue.queue : queue
}

async function read(path: Path): Promise<string | undefined> {
  try {
    const fd = openEntry(path)
    const decoder = new TextDecoder()
    let text = ''
    try {
      for await (const piece of readPieces(fd)) text += decoder.decode(piece, { stream: true })
    } finally {
      close(fd)
    }
    return text + decoder.decode()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const known: ReadonlySet<string> = new Set<keyof ExpectedItem>(['arguments', 'body', 'tries'])

function matches(item: TestItem, { arguments: args, body, tries }: ExpectedItem): boolean {
  return (
    (args === undefined || isDeepStrictEqual(item.arguments, args.map(String))) &&
    (body === undefined || hasBody(item, body)) &&
    (tries === undefined || item.tries === tries)
  )
}

function hasBody(item: TestItem, expected: unknown): boolean {
  if (typeof expected === 'string') return item.body === expected
  try {
    return isDeepStrictEqual(JSON.parse(item.body), expected)
  } catch {
    return false // No JSON.
  }
}

function describe(queue: AnyQueue, state: ItemState): string {
  return `${plain(queue).name}/${state}`
}

function list(items: readonly TestItem[]): string {
  if (items.length === 0) return 'is empty'
  const few = items.slice(0, 10).map(({ arguments: args, body, tries }) => {
    const start = body.length > 80 ? `${body.slice(0, 80)}...` : body
    return inspect({ arguments: args, body: start, tries })
  })
  const more = items.length > few.length ? [`and ${items.length - few.length} others`] : []
  return [`${items.length === 1 ? 'an item' : 'items'}:`, ...few, ...more].join('\n  ')
}
