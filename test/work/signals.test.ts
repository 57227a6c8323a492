import { writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import t from 'tap'
import { check, eventually, place } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** A shell may say what became of its own children. */
const stderr = /^((Terminated|Hangup)\n)?$/

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** What the program does with a signal, and what it prints then. */
const programs: readonly [name: string, text: (signal: Signal) => string, stdout: string][] = [
  ['dies of it', () => 'echo ready; exec sleep 60', 'ready\n'],
  ['ends with 0', (signal) => waitFor(signal, 'echo caught; exit 0'), 'ready\ncaught\n'],
  [
    'ends with the status that a shell makes of it',
    (signal) => waitFor(signal, `exit ${128 + constants.signals[signal]}`),
    'ready\n',
  ],
]

function waitFor(signal: Signal, then: string): string {
  return `trap "${then}" ${signal.slice(3)}; echo ready; while :; do sleep 0.02; done`
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  for (const [kind, text, stdout] of programs) {
    // Where the whole group gets it, a program that ends with 0 may be done before scan hears of it.
    const whoms = kind === 'ends with 0' ? ['fsq'] : ['fsq', 'its process group']
    for (const whom of whoms) {
      const name = `${signal} to ${whom}, and the program ${kind}: the item stays as it was`
      t.test(name, { buffered: true }, async (t) => {
        const { start, queue } = await place(t)
        const ids = [await queue.enqueue(''), await queue.enqueue('')]
        const words = ['scan', 'q', 'sh', '-c', text(signal)]
        const scan = start(words, { detached: true })
        t.equal(await scan.line(), 'ready')
        process.kill(whom === 'fsq' ? scan.pid : -scan.pid, signal)
        check(t, await scan.ended, { status: signal, stdout, stderr }, 'fsq dies of the signal')
        t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
      })
    }
  }
}

t.test('scan waits for a program that goes on after the signal', { buffered: true }, async (t) => {
  const { start, queue } = await place(t)
  const ids = [await queue.enqueue(''), await queue.enqueue('')]
  const text =
    'trap "echo asked" TERM; echo ready; until [ -e "$0" ]; do sleep 0.02; done; echo over'
  const over = `${queue.path}/over`
  const scan = start(['scan', 'q', 'sh', '-c', text, over])
  t.equal(await scan.line(), 'ready')
  scan.kill('SIGTERM')
  t.equal(await scan.line(), 'asked')
  await writeFile(over, '')
  check(t, await scan.ended, { status: 'SIGTERM', stdout: 'ready\nasked\nover\n', stderr })
  t.strictSame(
    contentsOf(queue),
    { ...nothing, queue: [...ids].sort() },
    'whose item stays as it was',
  )
})

t.test('a signal ends a scan that waits for its rate', { buffered: true }, async (t) => {
  const { start, queue } = await place(t)
  const first = await queue.enqueue('')
  const second = await queue.enqueue('')
  const scan = start(['scan', '-v', '-r', '1', 'q', 'echo', 'run'])
  t.equal(await scan.line(), 'run')
  await eventually(() => contentsOf(queue)['done']?.length === 1)
  scan.kill('SIGTERM')
  const ended = await scan.ended
  check(t, ended, { status: 'SIGTERM', stdout: 'run\n', stderr: /succeeded\n$/ })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [second], done: [first] })
})
