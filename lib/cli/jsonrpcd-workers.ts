import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import { deferred } from '../deferred.js'
import { FsqError, type FsqErrorCode } from '../errors.js'

/*
 * Several processes that serve one address: node:cluster opens it once, in the process that supervises,
 * and hands the connections out in turn. That process tells the workers what it is told: to end, to read
 * their files again. A worker that dies is replaced; one whose supervisor dies ends.
 */

/** What a worker tells the process that supervises it. */
type Report =
  | { readonly listening: string }
  | { readonly failed: { readonly code: FsqErrorCode; readonly message: string } }

/** What a worker is told. */
type Order = 'stop' | 'reload'

/** A worker that died is replaced no sooner, in milliseconds: it may die again. */
const replaceAfter = 1000

/** The processes that serve. */
export interface Workers {
  /** The URL, once all of them listen; rejects where one cannot. */
  readonly listening: Promise<string>
  /** Tells all of them. */
  readonly tell: (order: Order) => void
  /** Resolves when all have ended, after they were told to stop. */
  readonly ended: Promise<unknown>
}

/** Starts the workers, which run the same command. */
export function startWorkers(count: number, say: (message: string) => void): Workers {
  let stopping = false
  let listening = 0
  const all = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((each) => each !== undefined)
  const tell = (order: Order): void => {
    if (order === 'stop') stopping = true
    for (const worker of all()) if (worker.isConnected()) worker.send(order, () => undefined)
  }
  const ended = deferred<undefined>()
  const ready = deferred<string>()
  ready.promise.catch(() => undefined) // The caller looks at it.

  cluster.on('message', (_, report: Report) => {
    if ('listening' in report && ++listening === count) ready.resolve(report.listening)
    if ('failed' in report && listening >= count) {
      say(report.failed.message) // One that was to take another's place; a next one will be tried.
    } else if ('failed' in report) {
      ready.reject(new FsqError(report.failed.code, report.failed.message))
      tell('stop')
    }
  })
  cluster.on('exit', (worker, status, signal) => {
    if (!stopping) {
      say(`worker ${worker.process.pid ?? 0} died (${signal || status}); another takes its place`)
      void sleep(replaceAfter).then(() => {
        if (!stopping) cluster.fork()
        else if (all().length === 0) ended.resolve(undefined)
      })
    } else if (all().length === 0) {
      ended.resolve(undefined)
    }
  })
  // It is gone, of which its exit tells.
  cluster.on('fork', (worker) => worker.on('error', () => undefined))
  for (let number = 0; number < count; number++) cluster.fork()
  return { listening: ready.promise, tell, ended: ended.promise }
}

/** What a worker does when it is told to. */
export function obey(orders: Readonly<Record<Order, () => void>>): void {
  process.on('message', (order: Order) => {
    orders[order]()
  })
  process.once('disconnect', orders.stop)
}

/** Tells the process that supervises this one. */
export function report(message: Report): void {
  process.send?.(message, undefined, undefined, () => undefined)
}

/** Ends what keeps a worker alive beside its work. */
export function retire(): void {
  if (process.connected) process.disconnect()
}

/** Whether this process is a worker. */
export const isWorker = cluster.isWorker
