import type { Clock } from '../clock.js'
import { getCharset } from '../name/charset.js'
import { getTimestamps } from '../name/timestamp.js'
import { isDirectory } from '../posix/names.js'
import { resolveSettings, type Settings, type SettingsOptions, usingSetting } from '../settings.js'
import { queueContext } from '../queue/context.js'
import { chosenQueues, visibleNames } from '../queue/hosts.js'
import { noRoot } from '../queue/failure.js'
import type { InstallOptions } from '../queue/install.js'
import type { ArgumentsCodec, BodyCodec, Codec, PartOf } from './codec.js'
import { type Handler, runHandler } from '../work/run-handler.js'
import { Worker, type WorkOptions } from '../work/worker.js'
import { Queue } from './queue.js'
import { TypedQueue } from './typed-queue.js'
import type { UninstallOptions } from '../queue/uninstall.js'

/** A directory of queues, and the settings that they live by. Made by {@link openRoot}. */
export class Root {
  /** What the options, the environment and the defaults came to when the root was opened. */
  readonly settings: Settings
  readonly #clock: Clock | undefined

  /** @internal */
  constructor(settings: Settings, clock?: Clock) {
    // A charset or a time format of no use shows now, not when a queue is first named.
    usingSetting(settings, 'charset', () => getCharset(settings.charset))
    usingSetting(settings, 'timefmt', () => getTimestamps(settings.timefmt))
    this.settings = settings
    this.#clock = clock
  }

  /**
   * The queue of that name; whether there is one shows on first use.
   *
   * @throws {@link FsqError} `FSQ_PATH` for a name that no queue can have.
   */
  queue(name: string): Queue
  /**
   * The queue of that name, whose items have the types that the codec gives them.
   *
   * @param codec - a Standard Schema (zod, Valibot, ArkType) or two functions, for the arguments, the
   * body, or both
   * @throws {@link FsqError} `FSQ_PATH`; `TypeError` for what is no codec.
   */
  queue<C extends Codec<ArgumentsCodec, BodyCodec>>(
    name: string,
    codec: C & Record<Exclude<keyof C, keyof Codec>, never>,
  ): TypedQueue<PartOf<C, 'arguments'>, PartOf<C, 'body'>>
  queue(name: string, codec?: object): Queue | TypedQueue {
    const queue = new Queue(queueContext(this.settings, name, this.#clock))
    return codec === undefined ? queue : new TypedQueue(queue, codec)
  }

  /** {@link Queue.install}; returns the queue. */
  async install(name: string, options: InstallOptions = {}): Promise<Queue> {
    const queue = this.queue(name)
    await queue.install(options)
    return queue
  }

  /** {@link Queue.uninstall} */
  async uninstall(name: string, options: UninstallOptions = {}): Promise<void> {
    await this.queue(name).uninstall(options)
  }

  /**
   * The names of the queues in the root, sorted. Hidden directories are none, nor is what has no
   * directory for items, or a name that is not UTF-8.
   *
   * @throws {@link FsqError} `FSQ_NO_ROOT`
   */
  async queues(): Promise<string[]> {
    const { root, queueDir } = this.settings
    return listRoot(root).filter((name) => hasDirectory(`${root}/${name}/${queueDir}`))
  }

  /**
   * Works on the items of several queues with one worker: {@link Queue.work}. The queues take turns by
   * their weights, so that a busy one starves none.
   *
   * @param queues - the names of the queues, each with a weight where that is not 1
   * @throws {@link FsqError} `FSQ_NO_QUEUE`; `TypeError` for an option of the wrong form.
   */
  work(
    queues: readonly (string | { readonly queue: string; readonly weight?: number })[],
    handler: Handler,
    options: WorkOptions = {},
  ): Worker {
    const named = queues.map((each) => (typeof each === 'string' ? { queue: each } : each))
    const names = named.map(({ queue }) => queue)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) throw new TypeError(`Expected queues, got ${twice} twice`)
    const weighted = named.flatMap(({ queue, weight = 1 }) =>
      chosenQueues(this.queue(queue).context, options).map((source) => ({ queue: source, weight })),
    )
    return new Worker(weighted, runHandler(handler), options)
  }
}

/**
 * Opens a directory of queues. Settings that are left out come from the environment, read now, or
 * are the defaults. Nothing is looked for on the disk yet.
 *
 * @throws {@link FsqError} `FSQ_ENV` for a variable of the wrong form, `FSQ_COERCE` for an unknown
 * charset, `FSQ_TIMEFMT` for an unusable time format; `TypeError` for an option.
 */
export function openRoot(options: SettingsOptions = {}): Root {
  return new Root(resolveSettings(options))
}

/**
 * The names in a root that can be those of queues, sorted: not hidden, and UTF-8.
 *
 * @throws {@link FsqError} `FSQ_NO_ROOT`
 */
export function listRoot(root: string): string[] {
  try {
    return visibleNames(root)
  } catch (cause) {
    throw noRoot('list the queues', root, cause)
  }
}

function hasDirectory(path: string): boolean {
  try {
    return isDirectory(path)
  } catch {
    return false // Not ours to look into.
  }
}
