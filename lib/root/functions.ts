import type { Argument } from '../name/encode.js'
import type { SettingsOptions } from '../settings.js'
import type { Body } from '../queue/body.js'
import type { EnqueueOptions } from '../queue/draft.js'
import type { Outcome, RetryOptions } from '../queue/finish.js'
import type { InstallOptions } from '../queue/install.js'
import type { Item } from '../queue/item.js'
import type { OwnerOptions } from '../queue/ownership.js'
import type { Queue } from './queue.js'
import type { ReenqueueOptions } from '../queue/reenqueue.js'
import { openRoot } from './root.js'
import type { Scan, ScanOptions } from '../queue/scan.js'
import type { TriggerPullOptions } from '../queue/trigger.js'
import type { UninstallOptions } from '../queue/uninstall.js'

/*
 * The functions of fsq(7) under their own names, for one-off use: each opens the root anew. A
 * program that does more than one thing opens a root once and uses its methods.
 */

/** Settings for one call, under `settings`; what is left out comes from the environment. */
export interface OneOff {
  /** The root and whatever else is not as the environment has it. */
  readonly settings?: SettingsOptions
}

function queueOf(name: string, { settings }: OneOff): Queue {
  return openRoot(settings).queue(name)
}

/** The options of the method. */
function own<T extends OneOff>({ settings, ...options }: T): Omit<T, 'settings'> {
  return options
}

/** {@link Queue.install} */
export async function install(
  queue: string,
  options: InstallOptions & OneOff = {},
): Promise<boolean> {
  return queueOf(queue, options).install(own(options))
}

/** {@link Queue.uninstall} */
export async function uninstall(
  queue: string,
  options: UninstallOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).uninstall(own(options))
}

/** {@link Root.queues} */
export async function queues(options: OneOff = {}): Promise<string[]> {
  return openRoot(options.settings).queues()
}

/** {@link Queue.enqueue} */
export async function enqueue(
  queue: string,
  body: Body,
  args: readonly Argument[] = [],
  options: EnqueueOptions & OneOff = {},
): Promise<string> {
  return queueOf(queue, options).enqueue(body, args, own(options))
}

/** {@link Queue.reenqueue} */
export async function reenqueue(
  item: Item,
  queue: string,
  options: ReenqueueOptions & OneOff = {},
): Promise<boolean> {
  return queueOf(queue, options).reenqueue(item, own(options))
}

/** {@link Queue.scan} */
export function scan(queue: string, options: ScanOptions & OneOff = {}): Scan {
  return queueOf(queue, options).scan(own(options))
}

/** {@link Item.done} */
export async function done(item: Item, code?: number): Promise<Outcome> {
  return item.done(code)
}

/** {@link Item.success} */
export async function success(item: Item): Promise<Outcome> {
  return item.success()
}

/** {@link Item.fail} */
export async function fail(item: Item, code?: number): Promise<Outcome> {
  return item.fail(code)
}

/** {@link Item.failTmp} */
export async function failTmp(item: Item, options: RetryOptions = {}): Promise<Outcome> {
  return item.failTmp(options)
}

/** {@link Item.failPerm} */
export async function failPerm(item: Item): Promise<Outcome> {
  return item.failPerm()
}

/** {@link Item.retry} */
export async function retry(item: Item, options: RetryOptions = {}): Promise<Outcome> {
  return item.retry(options)
}

/** {@link Queue.down} */
export async function down(queue: string, options: OwnerOptions & OneOff = {}): Promise<void> {
  return queueOf(queue, options).down(own(options))
}

/** {@link Queue.up} */
export async function up(queue: string, options: OneOff = {}): Promise<void> {
  return queueOf(queue, options).up()
}

/** {@link Queue.isDown} */
export async function isDown(queue: string, options: OneOff = {}): Promise<boolean> {
  return queueOf(queue, options).isDown()
}

/** {@link Queue.trigger} */
export async function trigger(queue: string, options: OwnerOptions & OneOff = {}): Promise<void> {
  return queueOf(queue, options).trigger(own(options))
}

/** {@link Queue.untrigger} */
export async function untrigger(queue: string, options: OneOff = {}): Promise<void> {
  return queueOf(queue, options).untrigger()
}

/** {@link Queue.triggerPull} */
export async function triggerPull(
  queue: string,
  options: TriggerPullOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).triggerPull(own(options))
}

/** {@link Queue.hosts} */
export async function hosts(queue: string, options: OneOff = {}): Promise<string[]> {
  return queueOf(queue, options).hosts()
}

/** {@link Queue.installHost} */
export async function installHost(
  queue: string,
  host: string,
  options: InstallOptions & OneOff = {},
): Promise<boolean> {
  return queueOf(queue, options).installHost(host, own(options))
}

/** {@link Queue.uninstallHost} */
export async function uninstallHost(
  queue: string,
  host: string,
  options: UninstallOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).uninstallHost(host, own(options))
}

/** {@link Queue.downHost} */
export async function downHost(
  queue: string,
  host: string,
  options: OwnerOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).downHost(host, own(options))
}

/** {@link Queue.upHost} */
export async function upHost(queue: string, host: string, options: OneOff = {}): Promise<void> {
  return queueOf(queue, options).upHost(host)
}

/** {@link Queue.hostIsDown} */
export async function hostIsDown(
  queue: string,
  host: string,
  options: OneOff = {},
): Promise<boolean> {
  return queueOf(queue, options).hostIsDown(host)
}

/** {@link Queue.hostTrigger} */
export async function hostTrigger(
  queue: string,
  options: OwnerOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).hostTrigger(own(options))
}

/** {@link Queue.hostUntrigger} */
export async function hostUntrigger(queue: string, options: OneOff = {}): Promise<void> {
  return queueOf(queue, options).hostUntrigger()
}

/** {@link Queue.hostTriggerPull} */
export async function hostTriggerPull(
  queue: string,
  options: TriggerPullOptions & OneOff = {},
): Promise<void> {
  return queueOf(queue, options).hostTriggerPull(own(options))
}
