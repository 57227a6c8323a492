import { type Argument } from '../name/encode.js'
import type { Body } from '../queue/body.js'
import { claimByName, type ClaimByNameOptions } from '../queue/claim.js'
import { hostContext, type QueueContext } from '../queue/context.js'
import { bringUp, isDown, takeDown } from '../queue/down.js'
import type { EnqueueOptions } from '../queue/draft.js'
import { enqueueItem } from '../queue/enqueue.js'
import { enqueueItems, type NewItem } from '../queue/enqueue-many.js'
import { checkQueue } from '../queue/failure.js'
import { chosenQueues, type HostChoice, listHosts } from '../queue/hosts.js'
import { installQueue, type InstallOptions } from '../queue/install.js'
import type { Item } from '../queue/item.js'
import type { OwnerOptions } from '../queue/ownership.js'
import {
  receiveItem,
  type ReceiveOptions,
  reenqueueItem,
  type ReenqueueOptions,
} from '../queue/reenqueue.js'
import { Scan, type ScanOptions } from '../queue/scan.js'
import {
  makeTrigger,
  pullTrigger,
  removeTrigger,
  type TriggerPullOptions,
} from '../queue/trigger.js'
import {
  distributeItems,
  type DistributeOptions,
  type DistributeResult,
} from '../work/distribute.js'
import { execItems, type ExecOptions, type ExecResult } from '../work/exec-items.js'
import { type Handler, runHandler } from '../work/run-handler.js'
import { Worker, type WorkOptions } from '../work/worker.js'
import { uninstallQueue, type UninstallOptions } from '../queue/uninstall.js'

/** A queue: a directory of items. Made by {@link Root.queue}, which does not look for it yet. */
export class Queue {
  /** @internal What the upper floors of fsq need of it. */
  readonly context: QueueContext

  /** @internal */
  constructor(context: QueueContext) {
    this.context = context
  }

  /** The name of the queue; that of a host queue is `mail/backup1`. */
  get name(): string {
    return this.context.name
  }

  /** The directory of the queue. */
  get path(): string {
    return this.context.paths.directory
  }

  /**
   * Installs the queue; makes the root directory too where there is none.
   *
   * @returns false where the queue was there and `ifExists` is `ignore`.
   * @throws {@link FsqError} `FSQ_QUEUE_EXISTS`, `FSQ_NO_ROOT`, `FSQ_NO_QUEUE`, `FSQ_NO_USER`, `FSQ_NO_GROUP`,
   * `FSQ_PATH`, `FSQ_INSTALL`. Nothing is left behind then.
   */
  async install(options: InstallOptions = {}): Promise<boolean> {
    return installQueue(this.context, options)
  }

  /**
   * Removes the queue, its finished and failed items included.
   *
   * @throws {@link FsqError} `FSQ_QUEUE_NOT_EMPTY` where items wait to be worked on and `force` is
   * not set, `FSQ_NO_QUEUE`, `FSQ_INSTALL`.
   */
  async uninstall(options: UninstallOptions = {}): Promise<void> {
    return uninstallQueue(this.context, options)
  }

  /**
   * Puts an item into the queue and returns its name once it is there to stay: written, and synced
   * to the disk, so that it survives the loss of power ({@link Settings.durability}). Enqueues that
   * are in flight at the same time share their syncs. The sync of one that is alone and small, on a
   * disk that was quick the last time, is made in the calling thread: the event loop stands still for
   * it, 2 ms usually at most, and once for longer when the disk turns slow.
   *
   * With `id`, an item that was enqueued under the same key and is still in the queue, in done/ or in
   * fail/ stands for the new one, and its name is returned ({@link EnqueueOptions.onDuplicate}).
   *
   * @param body - a string (written in FSQ_CHARSET) or bytes are the body itself; `{ file }`,
   * `{ fd }`, a stream or an async iterable gives it, in constant memory
   * @param args - the arguments, which travel in the name: short ones
   * @throws {@link FsqError} `FSQ_ENQUEUE` and the codes that say it closer: `FSQ_NO_QUEUE`,
   * `FSQ_NAME_TOO_LONG`, `FSQ_COERCE`, `FSQ_ENCODE`, `FSQ_DUPLICATE`, `FSQ_ID_TAKEN`, `FSQ_ID_BUSY`,
   * `FSQ_NO_USER`, `FSQ_NO_GROUP`, `FSQ_BODY`. In each case nothing was enqueued and nothing is left behind.
   */
  async enqueue(
    body: Body,
    args: readonly Argument[] = [],
    options: EnqueueOptions = {},
  ): Promise<string> {
    return enqueueItem(this.context, body, args, options)
  }

  /**
   * Enqueues every item and returns their names, in the same order, once all of them are there to
   * stay. They share their syncs in batches of some hundred items ({@link Settings.syncfs}), each of
   * which is there before the next is taken; from a source that has to be waited for, what has
   * arrived meanwhile is the next batch.
   *
   * @param options - for every item that does not say otherwise
   * @throws {@link PartialError} `FSQ_PARTIAL`: its outcomes tell which items are in and which are
   * not. It is thrown after the first batch with a failure, and by an aborted call if items are in
   * already; if none is, that throws the reason of the signal.
   */
  async enqueueMany(
    items: Iterable<NewItem> | AsyncIterable<NewItem>,
    options: Omit<EnqueueOptions, 'entropy' | 'sequence' | 'id'> = {},
  ): Promise<string[]> {
    return enqueueItems(this.context, items, options)
  }

  /**
   * The items that are in the queue now, in the order of enqueueing, each locked until it is
   * finished or closed. What others are working on is left out.
   */
  scan(options: ScanOptions = {}): Scan {
    return new Scan(this.context, options)
  }

  /**
   * Runs a program for each item that is in the queue now, one after the other, and finishes the item
   * as the exit status says: FSQ_SUCCESS is done, FSQ_FAIL_TMP a retry, all else a permanent failure.
   *
   * SIGINT, SIGTERM and SIGHUP of this process are passed on to the program; when it has ended, its
   * item is left in the queue, its tries unspent, and the result names the signal.
   *
   * @param command - the program and its first arguments, to which those of each item are added; if
   * empty, the item's arguments are the command
   * @throws {@link FsqError} `FSQ_DOWN`; `FSQ_PROGRAM_KILLED` where a program was killed by a signal
   * (its item failed permanently, the others were not touched); `FSQ_EXEC` and `FSQ_FINISH` where the next item
   * would meet the same, such as a file system that is full or a done/ that we may not write to; and what
   * {@link Queue.scan} throws.
   */
  async exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return execItems(this.context, command, options)
  }

  /**
   * Works on the items as they arrive, the oldest first, until the worker is stopped: what is there
   * now, and what comes, of which it learns by the trigger of the queue where it has one, and by
   * inotify(7) otherwise. An item is done once the handler returns, unless that finished it itself;
   * where the handler throws, it failed temporarily and is tried again after `backoff`, as often as
   * `maxTries` allows.
   *
   * @throws {@link FsqError} `FSQ_NO_QUEUE`; `TypeError` for an option of the wrong form.
   */
  work(handler: Handler, options: WorkOptions = {}): Worker {
    const queues = chosenQueues(this.context, options)
    return new Worker(
      queues.map((queue) => ({ queue, weight: 1 })),
      runHandler(handler),
      options,
    )
  }

  /**
   * The item of that name, locked until it is finished or closed.
   *
   * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_ITEM_LOCKED` where somebody is working on it,
   * `FSQ_MALFORMED` and the other codes of names where it is no work-item, `FSQ_NO_QUEUE`,
   * `FSQ_SCAN`.
   */
  async claim(id: string, options: ClaimByNameOptions = {}): Promise<Item> {
    return claimByName(this.context, id, options)
  }

  /**
   * Puts an item of another queue into this one, under the same name, or into host queues of this one.
   * The item stays where it is.
   *
   * @returns false where this queue had it already, or each of the host queues.
   * @throws {@link FsqError} `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`, `FSQ_NO_ITEM`. Nothing is left in tmp/ then;
   * where the sync of queue/ failed the item may be there, and a second call completes it.
   */
  async reenqueue(item: Item, options: ReenqueueOptions & HostChoice = {}): Promise<boolean> {
    let added = false
    for (const queue of chosenQueues(this.context, options))
      if (await reenqueueItem(queue, item, options)) added = true
    return added
  }

  /**
   * Puts an item that comes from elsewhere, as from another machine, into this queue, under the name
   * that it has there, and returns once it is there to stay, as {@link Queue.enqueue} does. The same
   * name is the same item: to send it again, when it is not known whether it came, adds nothing while
   * it waits here.
   *
   * @param id - the name of the item, which may come from anybody: one that is no work-item's, or leads
   * out of the queue, is refused
   * @param body - as that of {@link Queue.enqueue}; not read where the queue has the item already
   * @returns false where this queue had it already.
   * @throws {@link FsqError} `FSQ_PATH`, `FSQ_NAME_TOO_LONG`, `FSQ_MALFORMED`, `FSQ_ENCODE`, `FSQ_COERCE`
   * or `FSQ_TIMEFMT` for what is not the name of a work-item; `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`, `FSQ_BODY`,
   * `FSQ_NO_USER`, `FSQ_NO_GROUP`. Nothing is left in tmp/ then; where the sync of queue/ failed the item
   * may be there, and a second call completes it.
   */
  async receive(id: string, body: Body, options: ReceiveOptions = {}): Promise<boolean> {
    return receiveItem(this.context, id, body, options)
  }

  /**
   * Marks the queue as down: scans stop before their next item. Again on a queue that is down, it
   * gives the down file its owner and mode.
   *
   * @throws {@link FsqError} `FSQ_CONFIG`, `FSQ_NO_QUEUE`, `FSQ_NO_USER`, `FSQ_NO_GROUP`.
   */
  async down(options: OwnerOptions = {}): Promise<void> {
    takeDown(this.context, options)
  }

  /**
   * Marks the queue as up again. Harmless where it is.
   *
   * @throws {@link FsqError} `FSQ_CONFIG`, `FSQ_NO_QUEUE`.
   */
  async up(): Promise<void> {
    bringUp(this.context)
  }

  /**
   * Whether the queue is down.
   *
   * @throws {@link FsqError} `FSQ_CONFIG` where that cannot be told, `FSQ_NO_QUEUE`.
   */
  async isDown(): Promise<boolean> {
    checkQueue(this.context)
    return isDown(this.context)
  }

  /**
   * Makes the trigger of the queue, a FIFO; one that is there gets owner and mode.
   *
   * @throws {@link FsqError} `FSQ_CONFIG`, `FSQ_NO_QUEUE`, `FSQ_NO_USER`, `FSQ_NO_GROUP`.
   */
  async trigger(options: OwnerOptions = {}): Promise<void> {
    makeTrigger(this.context, options)
  }

  /**
   * Removes the trigger of the queue. Harmless where there is none.
   *
   * @throws {@link FsqError} `FSQ_CONFIG`, `FSQ_NO_QUEUE`.
   */
  async untrigger(): Promise<void> {
    removeTrigger(this.context)
  }

  /**
   * Wakes who listens to the trigger, without waiting.
   *
   * @throws {@link FsqError} `FSQ_NO_TRIGGER`, `FSQ_NO_LISTENER`, `FSQ_NO_QUEUE`, `FSQ_CONFIG`.
   */
  async triggerPull(options: TriggerPullOptions = {}): Promise<void> {
    pullTrigger(this.context, options)
  }

  /**
   * The host queue of that host: a queue like any other, but that it shares its trigger with the other
   * host queues, and is down when its queue is. Whether there is one shows on first use.
   *
   * @throws {@link FsqError} `FSQ_PATH` for a name that no host can have, and of a host queue, which has none.
   */
  host(host: string): Queue {
    return new Queue(hostContext(this.context, host))
  }

  /**
   * The hosts that the queue has host queues for, sorted.
   *
   * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
   */
  async hosts(): Promise<string[]> {
    return listHosts(this.context)
  }

  /**
   * Puts the items that are in the queue now into its host queues, and finishes each once every host that
   * it is for has it, synced. What is there already is not put there again, nor what a host has finished,
   * as long as its name is in that host's done/ or fail/, or the item still waits here for another host.
   *
   * @throws {@link FsqError} `FSQ_DOWN`, `FSQ_NO_QUEUE`; what {@link Queue.scan} throws. What is wrong with
   * one item, or with one host's copy of it, is an event, and the item stays in the queue.
   */
  async distribute(options: DistributeOptions = {}): Promise<DistributeResult> {
    return distributeItems(this.context, options)
  }

  /** {@link install} of the host queue; makes the directory of host queues where there is none. */
  async installHost(host: string, options: InstallOptions = {}): Promise<boolean> {
    return this.host(host).install(options)
  }

  /** {@link uninstall} of the host queue. */
  async uninstallHost(host: string, options: UninstallOptions = {}): Promise<void> {
    return this.host(host).uninstall(options)
  }

  /** {@link down} of the host queue: the others, and the queue itself, stay as they are. */
  async downHost(host: string, options: OwnerOptions = {}): Promise<void> {
    return this.host(host).down(options)
  }

  /** {@link up} of the host queue. It stays down while its queue is. */
  async upHost(host: string): Promise<void> {
    return this.host(host).up()
  }

  /** {@link isDown} of the host queue: whether it is down itself, or its queue. */
  async hostIsDown(host: string): Promise<boolean> {
    return this.host(host).isDown()
  }

  /** {@link trigger}, for the FIFO that all host queues share. */
  async hostTrigger(options: OwnerOptions = {}): Promise<void> {
    makeTrigger(this.context, options, 'hosts')
  }

  /** {@link untrigger}, for the FIFO that all host queues share. */
  async hostUntrigger(): Promise<void> {
    removeTrigger(this.context, 'hosts')
  }

  /** {@link triggerPull}, for the FIFO that all host queues share. */
  async hostTriggerPull(options: TriggerPullOptions = {}): Promise<void> {
    pullTrigger(this.context, options, 'hosts')
  }
}
