import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { removeSync } from 'fs-extra/esm'
import type { Test } from 'tap'
import type { InstallOptions } from '../../lib/queue/install.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot, type Root } from '../../lib/root/root.js'
import type { SettingsOptions } from '../../lib/settings.js'

/** A new directory that goes when the test ends. Its path is short enough for a unix socket. */
export function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(`${tmpdir()}/fsq-`)
  t.teardown(() => {
    removeSync(directory)
  })
  return directory
}

/** A new root that goes when the test ends. */
export function temporaryRoot(t: Test, settings: SettingsOptions = {}): Root {
  return openRoot({ root: temporaryDirectory(t), ...settings })
}

/** A new queue, alone in a new root. */
export async function temporaryQueue(
  t: Test,
  settings: SettingsOptions = {},
  options: InstallOptions = {},
): Promise<Queue> {
  return temporaryRoot(t, settings).install('q', options)
}

/** What is in a directory, hidden entries too, sorted. */
export function entriesOf(directory: string): string[] {
  return readdirSync(directory).sort()
}

/** What is in each directory of a queue, to see at once that nothing was left behind. */
export function contentsOf({ context: { paths } }: Queue): Record<string, string[]> {
  const { tmp, queue, done, fail } = paths
  return {
    tmp: entriesOf(tmp),
    queue: entriesOf(queue),
    done: entriesOf(done),
    fail: entriesOf(fail),
  }
}

/** {@link contentsOf} a queue in which there is nothing at all. */
export const nothing = { tmp: [], queue: [], done: [], fail: [] }

/** Runs something under a umask. */
export async function underUmask<T>(mask: number, run: () => T | Promise<T>): Promise<T> {
  const before = process.umask(mask)
  try {
    return await run()
  } finally {
    process.umask(before)
  }
}
