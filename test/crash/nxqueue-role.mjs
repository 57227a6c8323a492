/*
 * A server of a cluster whose jobs write what they do to a log: `node nxqueue-role.mjs TASK`, the task in JSON:
 *
 *   root, queue   where the jobs are
 *   server        who it is
 *   inventory     the path of the inventory
 *   log           each job adds a line as it begins and ends, and `conflict` where it has not alone what it has
 *   seconds       how long a job takes
 *   once          end when nothing is ready, launched or claimed any more
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { clearInterval, setInterval } from 'node:timers'
import { openCluster, serveCluster } from '../../dist/adapters/nxqueue/index.js'
import { openRoot } from '../../dist/index.js'

const task = JSON.parse(process.argv[2])
const { root: path, server, inventory, log, seconds, once = false } = task
const cluster = openCluster(openRoot({ root: path, durability: 'none' }).queue(task.queue))
const ending = new AbortController()
process.once('SIGTERM', () => ending.abort())

const locks = `${log}.locks`
mkdirSync(locks, { recursive: true })

/** Each of what a job has is locked as long as it runs, by the program itself. */
const archive = `
say() { echo "$1 $FSQ_JOB_ID ${server} $FSQ_JOB_VOLUME $FSQ_JOB_DRIVE $$" >> '${log}'; }
exec 7>>'${locks}'/job-$FSQ_JOB_ID 8>>'${locks}'/volume-$FSQ_JOB_VOLUME 9>>'${locks}'/drive-$FSQ_JOB_DRIVE
for fd in 7 8 9; do flock -n $fd || say conflict; done
say begin
sleep ${seconds}
say end`

const fail = (error) => process.stderr.write(`${new Date().toISOString()} ${error}\n`)

/** Whether there is nothing left to do, and nothing that anybody has. */
async function isOver() {
  const { queue } = cluster
  const items = [`${queue.path}/queue`, `${queue.path}/hosts/${server}/queue`].flatMap(
    (directory) => readdirSync(directory),
  )
  return items.length === 0 && (await cluster.store.claims.list()).size === 0
}

const options = { server, inventory, backoff: [0], maxTries: 0, sweep: 2, drain: 0 }
const served = serveCluster(cluster, {
  ...options,
  work: { archive },
  signal: ending.signal,
  onEvent: (event) => {
    if (event.type === 'trouble' || event.type === 'error') fail(event.error)
  },
})
if (once) {
  const timer = setInterval(async () => {
    // Before it has begun there is not yet all that is looked at.
    if (await isOver().catch(() => false)) ending.abort()
  }, 20)
  void served.finally(() => clearInterval(timer))
}
await served
