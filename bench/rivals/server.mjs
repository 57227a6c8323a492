// Servers of rivals: private ones, in the directory of the run, that end with it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'

/** The first line that a program prints about its version; throws where there is no such program. */
export function versionOf(file, args = ['--version']) {
  const { status, stdout } = spawnSync(file, args, { encoding: 'utf8' })
  if (status === 0) return stdout.split('\n')[0].trim()
  throw new Error(`there is no ${file}`)
}

/** Starts a server and waits until it answers; `stop` ends it. */
export async function startServer(file, args, { answers, signal = 'SIGTERM', ...options }) {
  const child = spawn(file, args, { stdio: 'ignore', ...options })
  const closed = once(child, 'close')
  const kill = () => child.kill(signal)
  process.once('exit', kill)
  for (let tries = 0; !answers(); tries++) {
    if (tries > 200 || child.exitCode !== null) {
      kill()
      throw new Error(`${file} did not start`)
    }
    await setTimeout(50)
  }
  return async () => {
    process.removeListener('exit', kill)
    kill()
    await closed
  }
}
