// Starts programs that wait at a gate (see programs/gate.mjs), lets them go together, and collects
// what they tell.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * Runs the commands at the same time, each `[file, ...arguments]`.
 *
 * @returns what each told, and together: how long it took from the first start to the last end, in
 * seconds, how many items were done, their rate, the CPU time an item in microseconds and the largest
 * peak of memory in KiB
 */
export async function race(commands, { env, uid } = {}) {
  const programs = commands.map((command) => start(command, { env, uid }))
  try {
    await Promise.all(programs.map(({ line }) => line()))
    for (const { child } of programs) child.stdin.write('go\n')
    const results = await Promise.all(
      programs.map(async ({ line, ended }) => {
        const result = JSON.parse(await line())
        await ended
        return result
      }),
    )
    return together(results)
  } catch (error) {
    for (const { child } of programs) child.kill('SIGKILL')
    throw error
  }
}

function start([file, ...words], { env, uid }) {
  const child = spawn(file, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
  })
  let stderr = ''
  child.stderr.on('data', (piece) => (stderr += piece))
  child.stdin.on('error', () => undefined) // That it ended early is told below.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = () => new Error(`${[file, ...words].join(' ')} failed: ${stderr.trim()}`)
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) throw failed()
  })
  ended.catch(() => undefined)
  const line = async () => {
    const { value, done } = await lines.next()
    if (!done) return value
    await ended
    throw failed()
  }
  return { child, line, ended }
}

function together(results) {
  const seconds =
    (Math.max(...results.map(({ end }) => end)) - Math.min(...results.map(({ begin }) => begin))) /
    1e9
  const count = sum(results.map((result) => result.count))
  return {
    results,
    seconds,
    count,
    rate: count / seconds,
    cpu: sum(results.map(({ cpu = NaN }) => cpu)) / count,
    rss: Math.max(...results.map(({ rss = NaN }) => rss)),
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
