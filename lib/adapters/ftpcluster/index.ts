/**
 * fsq/ftpcluster: the files of an ftpcluster, an FTP server that spreads its files over node servers and
 * defers what it has to do as lines of text. They are read and written, and turned into work-items:
 *
 * ```ts
 * import { makeJob, readQueueFile } from 'fsq/ftpcluster'
 *
 * const file = Buffer.from('upload pub/rfc%20959.txt root 147316 1044844761\nmystery x\n')
 * for await (const { job } of readQueueFile([file]))
 *   console.log(job.type, job.type === 'upload' ? job.filename : job.line.toString())
 *
 * const node = { host: '192.168.0.2', port: 21 }
 * const job = makeJob({ type: 'remove', node, nodepath: '61/47/030210-033921-rfc-0959.txt' })
 * console.log(job.line.toString())
 * ```
 *
 * {@link processCluster} does the jobs. Which nodes get a file is for a {@link Placement} to say:
 *
 * ```ts
 * import { openRoot } from 'fsq'
 * import { balanceUsedSpace, type Placement, processCluster } from 'fsq/ftpcluster'
 *
 * // Films go to the machines with large disks, what backup uploads to the last, all else where the least is used.
 * const placement: Placement = (file, nodes, copies) => {
 *   if (file.uid === 'backup') return nodes.slice(-copies)
 *   const large = nodes.filter(({ node }) => node.host.startsWith('large'))
 *   return balanceUsedSpace(file, file.size > 1e9 && large.length > 0 ? large : nodes, copies)
 * }
 *
 * const root = openRoot({ root: '/tmp/queues' })
 * const { done, waiting } = await processCluster(root, '/tmp/cluster', { copies: 1, placement })
 * console.log(`${done} done, ${waiting} wait`)
 * ```
 *
 * @packageDocumentation
 */
export {
  type ClusterConf,
  type ConfiguredNode,
  formatClusterConf,
  parseClusterConf,
} from './cluster-conf.js'
export { type Cluster, openCluster } from './cluster.js'
export { decodeName, encodeName } from './escape.js'
export { exportCluster, type ExportEvent, type ExportOptions, type ExportResult } from './export.js'
export { importCluster, type ImportEvent, type ImportOptions, type ImportResult } from './import.js'
export {
  type FileVersion,
  type Job,
  type JobLine,
  makeJob,
  type NewJob,
  type NewRemoveJob,
  type OpaqueJob,
  parseJob,
  type RemoveJob,
  type ReplicateJob,
  type StoreJob,
} from './job.js'
export {
  type Copy,
  type LinkFile,
  makeLinkFile,
  type NewLinkFile,
  parseLinkFile,
  withCopy,
  withoutCopy,
} from './link-file.js'
export { type NodeCallOptions, NodeClient, type NodeClientOptions } from './node-client.js'
export { NodeError, type NodeErrorKind } from './node-error.js'
export { nodePath, pathOfCopy } from './node-path.js'
export { formatNode, type Node, parseNode } from './node.js'
export { bringNodeUp, takeNodeDown } from './nodes-down.js'
export {
  balanceUsedSpace,
  type FileToPlace,
  type NodeUse,
  type Placement,
  roundRobin,
} from './placement.js'
export type {
  ImportLockedEvent,
  JobDispatchedEvent,
  JobDoneEvent,
  JobEndedEvent,
  JobRetriedEvent,
  NodeDownEvent,
  NodeTroubleEvent,
  ProcessEvent,
  ProcessedEvent,
} from './process-events.js'
export { processCluster, type ProcessOptions, type ProcessResult } from './processor.js'
export {
  dateInName,
  isQueueFileName,
  type JobType,
  jobTypes,
  makeQueueFileName,
  type Processor,
} from './queue-file-name.js'
export { formatJobs, type QueuedJob, readQueueFile } from './queue-file.js'
export type { SkippedFile } from './queue-files.js'
export type { SkippedItem } from './queued-jobs.js'
export { type FileInSpace, walkSpace } from './space.js'
export {
  clusterStatus,
  type ClusterStatus,
  type JobCounts,
  type NodeStatus,
  type StatusOptions,
} from './status.js'
