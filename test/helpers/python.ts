import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const program = fileURLToPath(new URL('../fixtures/flock.py', import.meta.url))

/** Why tests against Python are skipped, if they are. */
export const withoutPython: string | false =
  spawnSync('python3', ['-c', 'import fcntl']).status === 0
    ? false
    : 'there is no python3 here, whose fcntl.flock the locks are compared with'

/** Asks Python 3 for a lock, which it holds until it is told to end. */
export async function pythonLock(
  t: Test,
  path: string,
  kind: 'LOCK_EX' | 'LOCK_SH' = 'LOCK_EX',
): Promise<{ readonly answer: string; readonly end: () => Promise<void> }> {
  const child = spawn('python3', [program, path, kind], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  t.teardown(() => child.kill())
  const [answer] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    answer: answer.toString().trim(),
    end: async () => {
      child.stdin.end()
      await closed
    },
  }
}
