import { readFileSync } from 'node:fs'
import t from 'tap'
import { cannotTrace } from '../crash/strace.js'
import { check, place, program, startProgram } from '../helpers/cli.js'

t.jobs = 4

/** The commands with --durability, and what follows the flag. */
const commands: Readonly<Record<string, (id: string) => readonly string[]>> = {
  enqueue: () => ['-e', 'q'],
  done: (id) => ['q', id],
  fail: (id) => ['q', id],
  retry: (id) => ['-m9', 'q', id],
  scan: () => ['q', 'true'],
}

for (const [command, operandsOf] of Object.entries(commands)) {
  t.test(`fsq ${command} --durability knows three levels`, { buffered: true }, async (t) => {
    const { fsq, queue } = await place(t)
    const id = await queue.enqueue('')
    for (const level of ['', 'soft', 'Full']) {
      const ended = await fsq([command, '--durability', level, ...operandsOf(id)])
      t.equal(ended.status, 100, `"${level}"`)
      t.match(
        ended.stderr,
        `fsq ${command}: option '--durability <level>' argument '${level}' is invalid. ` +
          `Expected full, enqueue or none, got "${level}"\nusage: fsq ${command} `,
      )
    }
  })
}

/** Which of its commands sync with a level: `enqueue` promises nothing of what is finished. */
const syncs: readonly (readonly [flags: readonly string[], commands: readonly string[]])[] = [
  [[], ['enqueue', 'done', 'fail', 'retry', 'scan']],
  [['--durability=full'], ['enqueue', 'done', 'fail', 'retry', 'scan']],
  [['--durability=enqueue'], ['enqueue']],
  [['--durability', 'none'], []],
]

const skip = cannotTrace()

for (const [command, operandsOf] of Object.entries(commands)) {
  t.test(`fsq ${command} syncs as --durability says`, { skip, buffered: true }, async (t) => {
    for (const [flags, syncing] of syncs) {
      const { queue, directory, env } = await place(t)
      const id = await queue.enqueue('')
      const trace = `${directory}/trace`
      const strace = ['-f', '-y', '--seccomp-bpf', '-o', trace, '-e', 'fsync,fdatasync,syncfs']
      const words = [program, command, ...flags, ...operandsOf(id)]
      const variables = { env: { ...env, UV_USE_IO_URING: '0' } } // Else libuv may sync unseen.
      check(
        t,
        await startProgram('strace', [...strace, process.execPath, ...words], variables).ended,
      )
      // Its own output a command syncs, too.
      const isSynced = new RegExp(`sync(fs)?\\([0-9]+<${queue.path}/`).test(
        readFileSync(trace, 'utf8'),
      )
      t.equal(isSynced, syncing.includes(command), flags.join(' ') || 'by default')
    }
  })
}
