/**
 * fsq: a durable work queue made of plain directories.
 *
 * Open a root, enqueue into a queue, scan it:
 *
 * ```ts
 * import { openRoot } from 'fsq'
 *
 * const fsq = openRoot({ root: '/var/spool/app' })
 * const mail = await fsq.install('mail')
 * await mail.enqueue('a body', ['alice', 'welcome'])
 *
 * for await (const item of mail.scan()) {
 *   console.log(item.arguments, await item.text())
 *   await item.done()
 * }
 * ```
 *
 * @packageDocumentation
 */
export {
  errorCodes,
  type ErrorMeaning,
  FsqError,
  type FsqErrorCode,
  type FsqErrorFields,
} from './errors.js'
export type { Settings, SettingsOptions } from './settings.js'

export { construct } from './name/construct.js'
export { decode } from './name/decode.js'
export { deconstruct, type Deconstructed } from './name/deconstruct.js'
export { type Argument, encode, type EncodeOptions } from './name/encode.js'
export type { ItemName, ParsedItemName } from './name/item-name.js'
export type { NameOptions } from './name/options.js'

export type { Body, DescriptorBody, FileBody } from './queue/body.js'
export type { ClaimByNameOptions } from './queue/claim.js'
export type { EnqueueOptions } from './queue/draft.js'
export { type NewItem, type NewItemOutcome, PartialError } from './queue/enqueue-many.js'
export type { Limits, Outcome, RetryOptions } from './queue/finish.js'
export type { HostChoice } from './queue/hosts.js'
export type { InstallOptions } from './queue/install.js'
export type { Item } from './queue/item.js'
export type { OwnerOptions } from './queue/ownership.js'
export type {
  AnySchema,
  ArgumentsCodec,
  ArgumentsFunctions,
  ArgumentsIn,
  ArgumentsOut,
  BodyCodec,
  BodyFunctions,
  BodyIn,
  BodyOut,
  Codec,
  PartOf,
  SchemaIssue,
  SchemaPathPart,
  SchemaResult,
  SchemaTypes,
  StandardSchema,
} from './root/codec.js'
export type { Queue } from './root/queue.js'
export type {
  InvalidEvent,
  Rest,
  TypedItem,
  TypedQueue,
  TypedScanOptions,
} from './root/typed-queue.js'
export type { ReceiveOptions, ReenqueueOptions } from './queue/reenqueue.js'
export { openRoot, type Root } from './root/root.js'
export type { Scan, ScanOptions } from './queue/scan.js'
export type {
  ItemErrorEvent,
  ItemEvent,
  MalformedEvent,
  OrderEvent,
  ScanEvent,
  SkippedEvent,
  SpentEvent,
  WaitingEvent,
} from './queue/scan-events.js'
export type { TriggerPullOptions } from './queue/trigger.js'
export type { UninstallOptions } from './queue/uninstall.js'
export {
  done,
  down,
  downHost,
  enqueue,
  fail,
  failPerm,
  failTmp,
  hostIsDown,
  hosts,
  hostTrigger,
  hostTriggerPull,
  hostUntrigger,
  install,
  installHost,
  isDown,
  type OneOff,
  queues,
  reenqueue,
  retry,
  scan,
  success,
  trigger,
  triggerPull,
  uninstall,
  uninstallHost,
  untrigger,
  up,
  upHost,
} from './root/functions.js'

export type { Backoff } from './work/backoff.js'
export type {
  DistributedEvent,
  DistributeEvent,
  DistributeOptions,
  DistributeResult,
  PostponedEvent,
  Spread,
} from './work/distribute.js'
export type {
  ClaimedEvent,
  FinishedEvent,
  IdleEvent,
  JobEvent,
  LeftEvent,
  QueueErrorEvent,
  UpOrDownEvent,
  WorkEvent,
} from './work/events.js'
export type { ExecOptions, ExecResult } from './work/exec-items.js'
export type { UnclaimedItem } from './work/feed.js'
export type { Handler, HandlerContext } from './work/run-handler.js'
export type { LoadOptions } from './work/work-options.js'
export type { Worker, WorkEventMap, WorkOptions, WorkResult } from './work/worker.js'

export { auditQueue } from './upkeep/audit.js'
export {
  type AuditOptions,
  type Finding,
  type FindingKind,
  findingKinds,
} from './upkeep/finding.js'
export {
  type ItemState,
  type ListedItem,
  listItems,
  type ListItemsOptions,
} from './upkeep/list-items.js'
export { type LastFailure, lastFailures, type LastFailuresOptions } from './upkeep/last-failures.js'
export { type PruneOptions, pruneItems, type PruneResult } from './upkeep/prune-items.js'
export type { Choice } from './upkeep/choose-entries.js'
export { type DisperseOptions, disperseItems } from './upkeep/disperse-items.js'
export { type MovedItem, moveItems, type MoveItemsOptions } from './upkeep/move-items.js'
export { type Requeued, requeueItems, type RequeueOptions } from './upkeep/requeue-items.js'
export { readShown, showItem, type ShowItemOptions, type ShownItem } from './upkeep/show-item.js'
export { type Repair, repairQueue, type RepairOptions } from './upkeep/repair.js'
export {
  ageLimits,
  type LockedItem,
  type QueueStat,
  statQueue,
  type StatOptions,
} from './upkeep/stat-queue.js'
