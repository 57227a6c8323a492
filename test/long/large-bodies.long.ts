import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { check, place, type Started, startProgram } from '../helpers/cli.js'

/*
 * A body of 1 GiB goes in and comes out in constant memory. Runs for half a minute to some minutes,
 * and needs 4 GiB of disk.
 */
t.setTimeout(600_000)

const size = 2 ** 30
const mostMemory = 150_000 // kB
const readBody = fileURLToPath(new URL('read-body.mjs', import.meta.url))

function whyNot(): string | false {
  if (!existsSync('/proc/self/status')) return 'needs /proc, to see how much memory a program takes'
  const { bavail, bsize } = statfsSync(tmpdir())
  return bavail * bsize < 4 * size ? `needs 4 GiB of disk in ${tmpdir()}` : false
}

/** The most memory that a process ever had, in kB, as it was shortly before its end. */
async function peakMemory(pid: number, { exited }: Started): Promise<number> {
  let peak = 0
  let running = true
  const isRunning = (): boolean => running
  void exited.then(() => (running = false))
  while (isRunning()) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? peak)
    } catch {
      break // It is gone.
    }
    await setTimeout(5)
  }
  return peak
}

t.test('a body of 1 GiB takes constant memory', { skip: whyNot() }, async (t) => {
  const { directory, env, queue } = await place(t)
  const file = `${directory}/large`
  const text = `yes "a line of a large body" | head -c ${size} >${file}`
  check(t, await startProgram('sh', ['-c', text]).ended)
  t.equal(statSync(file).size, size)
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  const digest = hash.digest('hex')

  for (const [name, command] of Object.entries({
    stdin: `cat ${file} | sh -c 'echo $$; exec fsq enqueue -p q'`,
    file: `sh -c 'echo $$; exec fsq enqueue -p -f ${file} q'`,
  })) {
    const began = performance.now()
    const started = startProgram('sh', ['-c', command], { env, timeout: 300_000 })
    const peak = await peakMemory(Number(await started.line()), started)
    const id = await started.line()
    const { status, stderr } = await started.ended
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    t.comment(`1 GiB from ${name}: ${peak} kB at most, ${seconds} s`)
    t.strictSame({ status, stderr }, { status: 0, stderr: '' })
    t.ok(peak > 10_000, 'the memory was measured')
    t.ok(peak < mostMemory, `enqueue from ${name} took ${peak} kB`)

    const read = await startProgram(process.execPath, [readBody, 'q', id], {
      env,
      timeout: 300_000,
    }).ended
    const [digestRead, peakRead] = read.stdout.trim().split(' ')
    t.comment(`1 GiB read through item.body(): ${peakRead} kB at most`)
    t.equal(digestRead, digest, 'it comes back as it was')
    t.ok(Number(peakRead) < mostMemory, `item.body() took ${peakRead} kB`)
    await (await queue.claim(id)).done()
  }
})
