// The built library, and the queues of a task.
import { pathToFileURL } from 'node:url'
import { task } from './gate.mjs'

const { openRoot } = await import(pathToFileURL(task.library).href)

/** Where the queues are, with the settings of the task. */
export const root = openRoot({ root: task.root, ...task.settings })

/** The queue that is measured. */
export const queue = root.queue(task.queue)

/**
 * A queue of this process alone in which the work is done before it is measured: what is measured is the
 * work, not the compiler, which is busy for the first thousands of items. What a process costs that starts
 * for a few is in other cases: start-up, a program for each item, rivals as programs.
 */
export async function practice() {
  return root.install(`practice-${process.pid}-${task.queue}`)
}
