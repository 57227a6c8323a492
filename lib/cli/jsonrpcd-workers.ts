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
  /** Resolves once all of them listen; rejects where one cannot. */
  readonly listening: Promise<unknown>
  /** Tells all of them. */
  readonly tell: (order: Order) => void
  /** Resolves when all have ended, after they were told to stop. */
  readonly ended: Promise<unknown>
}

/**
 * Starts the workers, which run the same command.
 *
 * @param listens - is called with the URL once all of them listen, and again when one has taken the place of
 * another: where all had died, the address was opened anew
 */
export function startWorkers(
  count: number,
  say: (message: string) => void,
  listens: (url: string) => void,
): Workers {
  let stopping = false
  let listening = 0
  let isReady = false
  const all = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((each) => each !== undefined)
  const tell = (order: Order): void => {
    if (order === 'stop') stopping = true
    for (const worker of all()) if (worker.isConnected()) worker.send(order, () => undefined)
  }
  const ended = deferred<undefined>()
  const ready = deferred<undefined>()
  ready.promise.catch(() => undefined) // The caller looks at it.

  cluster.on('message', (_, report: Report) => {
    try {
      if ('failed' in report) throw new FsqError(report.failed.code, report.failed.message)
      if (++listening < count) return
      listens(report.listening)
      isReady = true
      ready.resolve(undefined)
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      if (isReady) {
        say(error.message) // One that was to take another's place; a next one will be tried.
      } else {
        ready.reject(error)
        tell('stop')
      }
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
