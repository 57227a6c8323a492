/**
 * Jobs that need resources, after NxQueue: tapes and drives, places on disk, and the servers that reach them. The
 * inventory says what there is.
 *
 * ```ts
 * import { writeFile } from 'node:fs/promises'
 * import { readInventory } from 'fsq/nxqueue'
 *
 * await writeFile(
 *   '/tmp/inventory.yaml',
 *   `
 * servers: [{ name: north, slots: 2 }]
 * drives: [{ name: drive0, changer: library, generation: 6, servers: [north] }]
 * volumes: [{ name: A00001L6, changer: library, generation: 6, capacity: 2.5 TB }]
 * `,
 * )
 * const { drives, volumes } = await readInventory('/tmp/inventory.yaml')
 * console.log(drives[0]?.type, drives[0]?.reads, volumes[0]?.capacity)
 * ```
 *
 * @packageDocumentation
 */
export { cancelJob, type Cancelled, releaseJob, runAgain } from './act-on-job.js'
export type { AcceptedInventory, JobState, Launched, Run } from './store.js'
export { publishInventory } from './accepted-inventory.js'
export { bytesOf } from './byte-size.js'
export { type Cluster, type ClusterOptions, openCluster } from './cluster.js'
export type { Claim, ClusterState, Resource, ServerState, VolumeUse } from './cluster-state.js'
export type { ProcessIdentity } from '../../posix/process-identity.js'
export type {
  HeldEvent,
  InventoryEvent,
  LaunchedEvent,
  PassEvent,
  PresenceEvent,
  ReturnedEvent,
  RoleEvent,
  ServiceErrorEvent,
  ServiceEvent,
} from './events.js'
export type { RunningJob } from './execute.js'
export {
  formatProblem,
  InventoryError,
  type InventoryProblem,
  type FilePlace,
} from './inventory-error.js'
export { inventorySchema, type Schema, type SchemaType } from './inventory-schema.js'
export type { Drive, Group, Inventory, Server, Volume, VolumeState } from './inventory.js'
export { type Job, type NewJob } from './job-item.js'
export { type JobKind, jobKinds, type JobSpec, type ReadyJob } from './job.js'
export {
  type Concern,
  type Launch,
  plan,
  type Plan,
  type PlanOptions,
  type Reason,
  type ReasonCode,
} from './plan.js'
export { planOnce } from './plan-once.js'
export { readInventory } from './read-inventory.js'
export type { BadJob } from './ready-jobs.js'
export type { JobHandler } from './run-job.js'
export { type JobWork, serveCluster, type ServeOptions, type ServeResult } from './serve.js'
export { disableServer, enableServer } from './servers.js'
export { submitJob, type Submitted } from './submit.js'
export {
  clusterStatus,
  type ClusterStatus,
  type DriveStatus,
  dryRun,
  type DryRun,
  explainJob,
  type Explanation,
  type LaunchedJob,
  type ServerStatus,
  type VolumeStatus,
  type WaitingJob,
} from './survey.js'
export { watchInventory, type WatchInventoryOptions } from './watch-inventory.js'
