import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Test } from 'tap'
import { type Cluster, openCluster } from '../../lib/adapters/ftpcluster/cluster.js'
import type { ConfiguredNode } from '../../lib/adapters/ftpcluster/cluster-conf.js'
import { formatClusterConf } from '../../lib/adapters/ftpcluster/cluster-conf.js'
import { JobQueues } from '../../lib/adapters/ftpcluster/job-queues.js'
import { makeJob, type NewJob } from '../../lib/adapters/ftpcluster/job.js'
import { type LinkFile, parseLinkFile } from '../../lib/adapters/ftpcluster/link-file.js'
import { formatNode, type Node } from '../../lib/adapters/ftpcluster/node.js'
import type { ProcessEvent } from '../../lib/adapters/ftpcluster/process-events.js'
import {
  processCluster,
  type ProcessOptions,
  type ProcessResult,
} from '../../lib/adapters/ftpcluster/processor.js'
import { openRoot, type Root } from '../../lib/root/root.js'
import { temporaryDirectory } from './temporary.js'

/** A cluster in a new directory, with a root for the queues of its jobs. */
export interface TestCluster {
  readonly cluster: Cluster
  readonly home: string
  readonly root: Root
  readonly queues: JobQueues
  /** Puts a file into the FTP space; the facts that a job has of it. */
  readonly put: (
    name: string,
    content: string | Buffer,
    mtime?: number,
  ) => { filename: string; uid: string; size: number; mtime: number }
  /** Submits a job. */
  readonly submit: (job: NewJob) => Promise<void>
  /** Puts a file there and submits its upload. */
  readonly upload: (
    name: string,
    content: string | Buffer,
    nodes?: readonly Node[],
  ) => Promise<void>
  /** What the link file says; undefined where there is none in the place of the file. */
  readonly link: (name: string) => LinkFile | undefined
  /** Processes what is there once. */
  readonly process: (
    options?: ProcessOptions,
  ) => Promise<ProcessResult & { events: ProcessEvent[] }>
  /** How many items wait in a queue, or in that of a node. */
  readonly waiting: (type: 'upload' | 'store' | 'replicate' | 'remove', node?: Node) => string[]
}

/** Such a cluster with those nodes. */
export function testCluster(t: Test, nodes: readonly ConfiguredNode[]): TestCluster {
  const directory = temporaryDirectory(t)
  const home = `${directory}/home`
  mkdirSync(`${home}/.queue`, { recursive: true })
  writeFileSync(`${home}/.cluster.conf`, formatClusterConf(nodes), { mode: 0o600 })
  chmodSync(`${home}/.cluster.conf`, 0o600)
  const root = openRoot({ root: `${directory}/root` })
  const cluster = openCluster(home)
  const queues = new JobQueues(root, cluster)
  const put: TestCluster['put'] = (name, content, mtime = 1_044_844_761) => {
    const path = `${home}/${name}`
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    utimesSync(path, mtime, mtime)
    return { filename: name, uid: 'ftp', size: statSync(path).size, mtime }
  }
  const submit: TestCluster['submit'] = (job) => queues.submit(makeJob(job))
  return {
    cluster,
    home,
    root,
    queues,
    put,
    submit,
    async upload(name, content, allowed = []) {
      await submit({ type: 'upload', ...put(name, content), nodes: allowed })
    },
    link: (name) => parseLinkFile(readFileSync(`${home}/${name}`)),
    async process(options = {}) {
      const events: ProcessEvent[] = []
      const result = await processCluster(root, home, {
        timeout: 5,
        ...options,
        onEvent: (event) => {
          events.push(event)
          options.onEvent?.(event)
        },
      })
      return { ...result, events }
    },
    waiting(type, node) {
      const queue = queues.of(type)
      const { paths } = (node === undefined ? queue : queue.host(formatNode(node))).context
      return readdirSync(paths.queue).sort()
    },
  }
}
