import { FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { type Argument, coerce } from '../name/encode.js'
import type { EnqueueOptions } from '../queue/draft.js'
import type { Item } from '../queue/item.js'
import type { ScanOptions } from '../queue/scan.js'
import { checkHandler, type Handler } from '../work/run-handler.js'
import type { Worker, WorkOptions } from '../work/worker.js'
import {
  type ArgumentsCodec,
  type ArgumentsIn,
  type ArgumentsOut,
  type BodyCodec,
  type BodyIn,
  type BodyOut,
  type Codec,
  isSchema,
  validate,
} from './codec.js'
import type { Queue } from './queue.js'

const parts: ReadonlySet<string> = new Set(['arguments', 'body'] satisfies (keyof Codec)[])

/** An item whose arguments and body are valid. */
export interface TypedItem<Arguments, Body> {
  /** The item itself, to be finished. */
  readonly item: Item
  /** Its arguments. */
  readonly arguments: Arguments
  /** Its body, which was read as a whole. */
  readonly body: Body
}

/** An item that is not valid; it is in fail/ now. */
export interface InvalidEvent {
  /** Tells it apart from the events of a scan. */
  readonly type: 'invalid'
  /** The queue. */
  readonly queue: string
  /** The name of the item. */
  readonly id: string
  /** `FSQ_INVALID`; its message says what is wrong. */
  readonly error: FsqError
}

/** What follows the body: the arguments, which may be left out where there need not be any. */
export type Rest<Arguments> = [] extends Arguments
  ? [args?: Arguments, options?: EnqueueOptions]
  : [args: Arguments, options?: EnqueueOptions]

/** How a typed queue is scanned. */
export interface TypedScanOptions extends Omit<ScanOptions, 'onEvent' | 'noOpen'> {
  /** Is told of every entry that was not yielded although nobody else has it. */
  readonly onEvent?: (
    event: Parameters<NonNullable<ScanOptions['onEvent']>>[0] | InvalidEvent,
  ) => void
}

/**
 * A queue whose items have the types that a {@link Codec} gives them. Made by {@link Root.queue} with a
 * codec. An item that is not valid is not enqueued; one that others have enqueued fails permanently.
 */
export class TypedQueue<
  A extends ArgumentsCodec | undefined = undefined,
  B extends BodyCodec | undefined = undefined,
> {
  /** The queue itself. */
  readonly queue: Queue
  readonly #codec: Codec<A, B>

  /** @internal */
  constructor(queue: Queue, codec: Codec<A, B>) {
    checkMembers('a part of a codec', codec, parts)
    for (const part of [codec.arguments, codec.body]) checkPart(part)
    this.queue = queue
    this.#codec = codec
  }

  /**
   * {@link Queue.enqueue}
   *
   * @throws {@link FsqError} `FSQ_INVALID` where the codec refuses body or arguments; what
   * {@link Queue.enqueue} throws.
   */
  async enqueue(body: BodyIn<B>, ...rest: Rest<ArgumentsIn<A>>): Promise<string> {
    const [args = [] as unknown as ArgumentsIn<A>, options = {}] = rest
    const texts = await this.#valid('the arguments', () => this.#encodeArguments(args))
    const bytes = await this.#valid('the body', () => this.#encodeBody(body))
    return this.queue.enqueue(bytes, texts, options)
  }

  /** {@link Queue.scan}, of the items that are valid; the others fail permanently, and are reported. */
  async *scan(
    options: TypedScanOptions = {},
  ): AsyncGenerator<TypedItem<ArgumentsOut<A>, BodyOut<B>>, undefined> {
    await using scan = this.queue.scan(options)
    for await (const item of scan) {
      const typed = await this.#decodeOrFail(item, options.onEvent)
      if (typed !== undefined) yield typed
    }
    return undefined
  }

  /**
   * {@link Queue.work}, by a handler that gets the items typed. One that is not valid fails permanently
   * and does not come to it; the event `failed` has the reason, `FSQ_INVALID`.
   */
  work(
    handler: Handler<TypedItem<ArgumentsOut<A>, BodyOut<B>>>,
    options: WorkOptions = {},
  ): Worker {
    checkHandler(handler)
    return this.queue.work(async (item, context) => {
      await handler(await this.decode(item), context)
    }, options)
  }

  /**
   * The arguments and the body of an item of the queue.
   *
   * @throws {@link FsqError} `FSQ_INVALID`; what reading the body throws.
   */
  async decode(item: Item): Promise<TypedItem<ArgumentsOut<A>, BodyOut<B>>> {
    const bytes = await item.bytes()
    const { id } = item
    return {
      item,
      arguments: await this.#valid('the arguments', () => this.#decodeArguments(item), id),
      body: await this.#valid('the body', () => this.#decodeBody(bytes), id),
    }
  }

  async #decodeOrFail(
    item: Item,
    onInvalid: ((event: InvalidEvent) => void) | undefined,
  ): Promise<TypedItem<ArgumentsOut<A>, BodyOut<B>> | undefined> {
    try {
      return await this.decode(item)
    } catch (error) {
      if (!(error instanceof FsqError) || error.code !== 'FSQ_INVALID') throw error
      await item.failPerm()
      onInvalid?.({ type: 'invalid', queue: item.context.name, id: item.id, error })
      return undefined
    }
  }

  async #encodeArguments(args: ArgumentsIn<A>): Promise<readonly Argument[]> {
    const part: ArgumentsCodec | undefined = this.#codec.arguments
    if (part !== undefined && !isSchema(part)) return part.encode(args)
    const { charset } = this.queue.context.writing
    const texts = (args as readonly Argument[]).map((argument) => coerce(argument, charset))
    if (part !== undefined) await validate(part, texts) // As a worker is going to.
    return texts
  }

  async #decodeArguments({ arguments: args }: Item): Promise<ArgumentsOut<A>> {
    const part: ArgumentsCodec | undefined = this.#codec.arguments
    const made: unknown =
      part === undefined ? args : isSchema(part) ? validate(part, args) : part.decode(args)
    return (await made) as ArgumentsOut<A>
  }

  async #encodeBody(body: BodyIn<B>): Promise<string | Uint8Array> {
    const part: BodyCodec | undefined = this.#codec.body
    if (part !== undefined && !isSchema(part)) return part.encode(body)
    const text = JSON.stringify(body) as string | undefined
    if (text === undefined) throw new TypeError(`${typeof body} cannot be written as JSON`)
    if (part !== undefined) await validate(part, JSON.parse(text)) // As a worker is going to.
    return Buffer.from(text)
  }

  async #decodeBody(bytes: Uint8Array): Promise<BodyOut<B>> {
    const part: BodyCodec | undefined = this.#codec.body
    if (part !== undefined && !isSchema(part)) return (await part.decode(bytes)) as BodyOut<B>
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return (part === undefined ? value : await validate(part, value)) as BodyOut<B>
  }

  /** Whatever a codec throws is that the item is not valid. */
  async #valid<T>(what: string, act: () => Promise<T>, id?: string): Promise<T> {
    try {
      return await act()
    } catch (cause) {
      const { name } = this.queue
      const of = id === undefined ? `of an item for ${name}` : `of item ${id} of ${name}`
      const fields = { queue: name, cause, ...(id === undefined ? {} : { id }) }
      throw new FsqError('FSQ_INVALID', `cannot accept ${what} ${of}: ${reasonOf(cause)}`, fields)
    }
  }
}

/** A schema may be a function, as those of ArkType are. */
function checkPart(part: unknown): void {
  if (part === undefined) return
  const isObject = (typeof part === 'object' || typeof part === 'function') && part !== null
  if (isObject && ('~standard' in part || ('encode' in part && 'decode' in part))) return
  throw new TypeError('Expected a codec to be a Standard Schema, or to have encode and decode')
}
