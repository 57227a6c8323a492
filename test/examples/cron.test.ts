import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { check, type Ended, eventually, type Place, place, startProgram } from '../helpers/cli.js'
import { timeIs, withoutFakeTime } from '../helpers/clock.js'
import { contentsOf, nothing } from '../helpers/temporary.js'
import { type CronJob, readCrontab } from './crontab.js'

const prune = example('cron-prune/fsq-prune')
const scan = example('without-logrotate/fsq-mail')

function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
}

/** Runs a job as cron would, but for us, now, and on the queues of a place. */
async function run(
  { command }: CronJob,
  { env, directory }: Place,
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const options = { env: { ...env, ...more }, cwd: directory }
  return startProgram('/bin/sh', ['-c', command], options).ended
}

/** How many entries are in each directory of a queue. */
function countsOf(queue: Queue): Record<string, number> {
  return Object.fromEntries(
    Object.entries(contentsOf(queue)).map(([state, names]) => [state, names.length]),
  )
}

for (const path of [prune, scan]) {
  t.test(`cron takes ${basename(path)}`, async (t) => {
    t.notMatch(basename(path), /[^A-Za-z0-9_-]/, 'else it is passed over')
    const { variables, jobs } = readCrontab(path)
    t.match(variables, { SHELL: '/bin/sh', PATH: /bin/, FSQ_ROOT: '/var/fsq' })
    for (const { user, command } of jobs) {
      t.equal(user, 'fsq')
      t.match(command, /^fsq /)
    }
  })
}

/** That many days from now; times are the kernel's, which no test can set back. */
function inDays(days: number): Record<string, string> {
  return timeIs(new Date(Date.now() + days * 24 * 60 * 60 * 1000).toISOString())
}

const withoutTime = await withoutFakeTime()

t.test(
  'the jobs of fsq-prune remove what is old and finished, nothing else',
  { skip: withoutTime },
  async (t) => {
    const here = await place(t)
    const queues = await Promise.all(['mail', 'thumbnails'].map((name) => here.root.install(name)))
    const removed = new RegExp(`^(.*/${itemName()}: stale: removed: .*\n){2}$`)
    for (const { context } of queues) {
      const { tmp, queue, done, fail } = context.paths
      for (const [entropy, directory] of [tmp, queue, done, fail].entries())
        putEntry(directory, itemName({ entropy }))
    }
    for (const [days, left] of [
      [1, { tmp: 1, queue: 1, done: 1, fail: 1 }],
      [6, { tmp: 0, queue: 1, done: 1, fail: 1 }],
      [8, { tmp: 0, queue: 1, done: 0, fail: 1 }],
      [29, { tmp: 0, queue: 1, done: 0, fail: 1 }],
      [31, { tmp: 0, queue: 1, done: 0, fail: 0 }],
    ] as const) {
      for (const job of readCrontab(prune).jobs) {
        const mends = days === 6 && job.command.includes('repair')
        check(t, await run(job, here, inDays(days)), mends ? { stdout: removed } : {}, job.command)
      }
      for (const queue of queues) t.strictSame(countsOf(queue), left, `after ${days} days`)
    }
  },
)

t.test('a job of fsq-prune that finds no queue says so', async (t) => {
  const here = await place(t)
  for (const job of readCrontab(prune).jobs)
    t.match((await run(job, here)).stderr, /no such queue: mail/)
})

const { status } = await startProgram('logger', ['--version']).ended.catch(() => ({ status: 1 }))
const skip = status === 0 ? false : 'needs logger(1) (Debian: bsdutils)'

t.test('the jobs of fsq-mail work on the queue and log what came of it', { skip }, async (t) => {
  const here = await place(t)
  const mail = await here.root.install('mail')
  const log = await systemLog(t)
  // There may be no /dev/log where tests run; this is the program itself, told of another log.
  const logger = `exec env PATH=/usr/bin:/bin logger --server 127.0.0.1 --port ${log.port} --udp "$@"`
  renameSync(here.script('logger', logger), `${here.directory}/bin/logger`)
  const [work, tidy] = readCrontab(scan).jobs
  if (work === undefined || tidy === undefined) throw new Error('Expected two jobs')
  const sender = here.script('send-mail', 'case $1 in alice) exit 0 ;; *) exit 100 ;; esac')
  const command = work.command.replace('/usr/local/lib/send-mail', sender)
  const alice = await mail.enqueue('', ['alice'])
  const bob = await mail.enqueue('', ['bob'])
  check(t, await run({ ...work, command }, here))
  t.strictSame(contentsOf(mail), { ...nothing, done: [alice], fail: [bob] })
  await eventually(() => log.lines.length === 4)
  t.match(log.lines, [
    new RegExp(` fsq-mail .* fsq scan: working on ${alice} ...$`),
    new RegExp(` fsq-mail .* fsq scan: ${alice}: succeeded$`),
    new RegExp(` fsq-mail .* fsq scan: working on ${bob} ...$`),
    new RegExp(` fsq-mail .* fsq scan: ${bob}: failed permanently$`),
  ])
  check(t, await run(tidy, here))
  t.strictSame(contentsOf(mail), { ...nothing, done: [alice], fail: [bob] })
  if (withoutTime !== false) return
  check(t, await run(tidy, here, inDays(31)))
  t.strictSame(contentsOf(mail), nothing)
})

/** Takes what logger(1) sends. */
async function systemLog(t: Test): Promise<{ port: number; lines: readonly string[] }> {
  const lines: string[] = []
  const socket = createSocket('udp4', (message) => lines.push(message.toString()))
  t.teardown(() => socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { port: socket.address().port, lines }
}
