import type { Test } from 'tap'

/** The modules that make names in queue/ last, on a machine with those modules in place of its own. */
export async function publishOn(t: Test, machine: object): Promise<object> {
  const directorySync = await t.mockImport<object>('../../lib/posix/directory-sync.js', machine)
  return t.mockImport<object>('../../lib/queue/publish.js', {
    ...machine,
    '../../lib/posix/directory-sync.js': directorySync,
  })
}
