// Where a round is run: directories that are new for each measurement. Nothing is removed before the
// end: some file systems make a file ten times as slowly for minutes after many were removed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openRoot } from '../dist/index.js'
import { race } from './race.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The built program. */
export const fsq = here('../dist/cli/fsq.cjs')

/** The built library. */
export const library = here('../dist/index.js')

/** Its part that knows other machines. */
export const remoteLibrary = here('../dist/remote/index.js')

/** Its part that knows an ftpcluster. */
export const ftpclusterLibrary = here('../dist/adapters/ftpcluster/index.js')

/** Its part that knows the queues of Filespooler. */
export const filespoolerLibrary = here('../dist/adapters/filespooler/index.js')

/** Its part that knows NATS JetStream. */
export const jetstreamLibrary = here('../dist/adapters/jetstream/index.js')

/** The command that runs a program of bench/programs with a task. */
export function nodeProgram(name, task) {
  return [process.execPath, here(`programs/${name}.mjs`), JSON.stringify({ library, ...task })]
}

/** A directory for everything that a run makes. */
export function makePlace(directory, { keep }) {
  const path = mkdtempSync(join(directory, 'fsq-bench-'))
  const root = openRoot({ root: join(path, 'queues'), maxTries: 1 })
  let made = 0
  return {
    path,
    root,
    /** A new queue. */
    newQueue: (options = {}) => root.install(`q${made++}`, options),
    /** A new directory's path; it is for the caller to make it. */
    newPath: (name) => join(path, `${name}-${made++}`),
    remove() {
      if (!keep) rmSync(path, { recursive: true, force: true })
    },
  }
}

/** A new queue that holds so many items. */
export async function filledQueue(place, count, size, options) {
  const queue = await place.newQueue(options)
  await race([nodeProgram('fill', { directory: `${queue.path}/queue`, count, size })])
  // So that what was written before is not written during a measurement.
  if (count >= 1000) spawnSync('sync', ['-f', place.path])
  return queue
}
