/*
 * Operations that tell what they do in a ledger, outside of the queue: each before it begins and once
 * it is acknowledged (ledger.ts reads it).
 */
import { createHash } from 'node:crypto'
import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { requeueItems } from '../../dist/index.js'

export function sha256Of(body) {
  return createHash('sha256').update(body).digest('hex')
}

/** Writes events to a file, each with one write(2). */
export function openLedger(path) {
  const ledger = openSync(path, 'a')
  return (event) => {
    writeSync(ledger, `${JSON.stringify(event)}\n`)
  }
}

/** Enqueues a body, or what stands for it. */
export async function enqueue(tell, queue, body, source = body, options = {}, args = []) {
  const what = { queue: queue.name, sha256: sha256Of(body) }
  tell({ event: 'enqueue', ...what })
  try {
    tell({ event: 'enqueued', ...what, id: await queue.enqueue(source, args, options) })
  } catch (error) {
    tell({ event: 'refused', ...what })
    throw error
  }
}

/** Enqueues bodies as a batch. */
export async function enqueueMany(tell, queue, bodies, idOf = () => undefined) {
  const whats = bodies.map((body) => ({ queue: queue.name, sha256: sha256Of(body) }))
  for (const what of whats) tell({ event: 'enqueue', ...what })
  const acknowledge = (outcomes) => {
    for (const [at, what] of whats.entries()) {
      const id = outcomes[at]?.id
      tell(id === undefined ? { event: 'refused', ...what } : { event: 'enqueued', ...what, id })
    }
  }
  try {
    const ids = await queue.enqueueMany(bodies.map((body) => ({ body, id: idOf(body) })))
    acknowledge(ids.map((id) => ({ id })))
  } catch (error) {
    acknowledge(error.outcomes ?? [])
    throw error
  }
}

/** Works on a claimed item and finishes it by one of its methods. */
export async function finish(tell, item, operation, options) {
  const what = { queue: item.queue, sha256: sha256Of(await item.bytes()) }
  tell({ event: 'finish', ...what, operation })
  const { state, id } = await item[operation](options)
  tell({ event: 'finished', ...what, state, id })
}

/** Puts what is in fail/ back into queue/. */
export async function requeue(tell, queue) {
  const { fail } = queue.context.paths
  const whats = new Map(
    readdirSync(fail).map((id) => {
      return [id, { queue: queue.name, sha256: sha256Of(readFileSync(`${fail}/${id}`)) }]
    }),
  )
  for (const what of whats.values()) tell({ event: 'requeue', ...what })
  for await (const { id, newId, error } of requeueItems(queue)) {
    if (error !== undefined) throw error
    tell({ event: 'requeued', ...whats.get(id), id: newId })
  }
}
