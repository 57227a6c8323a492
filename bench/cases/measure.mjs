// What the cases share: the commands of both sides, and the figures that are made of their results.
import { nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'

/** The task of a program that works on a queue. */
export function taskOf(place, queue, task) {
  const { root } = place.root.settings
  return { root, queue: queue.name, ...task }
}

/** Enqueues in one process or several. */
export async function enqueue(place, { processes = 1, env, count, ...task }) {
  const queue = task.into ?? (await place.newQueue())
  const each = { ...task, into: undefined, count: Math.ceil(count / processes) }
  const command = nodeProgram('enqueue', taskOf(place, queue, each))
  return rate(await race(Array(processes).fill(command), { env }))
}

/** Enqueues by a plain loop of Node.js, one after another, what the floor does by C. */
export async function bareEnqueue(place, task) {
  const [{ path }, { path: practice }] = [await place.newQueue(), await place.newQueue()]
  return rate(await race([nodeProgram('bare-enqueue', { ...task, path, practice })]))
}

/** Finishes what is in a queue, in one process or several. */
export async function finish(place, queue, { processes = 1, ...task }) {
  const command = nodeProgram('finish', taskOf(place, queue, task))
  return race(Array(processes).fill(command))
}

/** The rate and the CPU time an item of a race. */
export function rate({ rate, cpu }) {
  return { rate, cpu }
}

/** The time to the first item, the rate from there on, and memory. */
export function afterFirst({ results: [{ begin, first, end }], count, cpu, rss }) {
  return {
    first: (first - begin) / 1e6,
    rate: (count - 1) / ((end - first) / 1e9),
    memory: rss / 1024,
    cpu,
  }
}
