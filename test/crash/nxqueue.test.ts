import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openCluster, releaseJob, submitJob } from '../../lib/adapters/nxqueue/index.js'
import { openRoot } from '../../lib/root/root.js'
import { eventually, type Started, startProgram } from '../helpers/cli.js'
import { smallInventory } from '../helpers/nxqueue.js'
import { entriesOf, temporaryDirectory } from '../helpers/temporary.js'
import { bound, random as randomOf, sample, seed } from './sample.js'
import { cannotTrace } from './strace.js'

/*
 * The servers of a cluster, and the programs that they run, are killed at random moments, and at each step of
 * a job. In the end every job was done, no two programs had the same volume, drive or job at the same time, and
 * nothing is claimed.
 */

const program = fileURLToPath(new URL('nxqueue-role.mjs', import.meta.url))
const withoutFlock = spawnSync('flock', ['--version']).error === undefined ? false : 'no flock(1)'

async function place(t: Test, servers: readonly string[], seconds: number) {
  const directory = temporaryDirectory(t)
  const root = openRoot({ root: `${directory}/root`, durability: 'none' })
  const queue = await root.install('q')
  const inventory = `${directory}/inventory.json`
  writeFileSync(inventory, JSON.stringify(smallInventory(servers)))
  const log = `${directory}/log`
  writeFileSync(log, '')
  const cluster = openCluster(queue)
  const running = new Set<Started>()
  t.teardown(async () => {
    for (const each of running) each.kill('SIGKILL')
    await Promise.all([...running].map(({ exited }) => exited))
  })
  const task = { root: root.settings.root, queue: 'q', inventory, log, seconds }
  const words = (server: string, more = {}): string[] => {
    return [program, JSON.stringify({ ...task, ...more, server })]
  }
  const lines = (): string[][] =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '))
  /** The jobs that are done, or failed, on whichever server; one that was killed early has no host queue yet. */
  const jobsIn = (state: 'done' | 'fail'): string[] =>
    entriesOf(`${queue.path}/hosts`)
      .filter((host) => !host.startsWith('.'))
      .flatMap((host) => readdirSync(`${queue.path}/hosts/${host}/${state}`))
      .map((name) => name.split('_')[6] ?? name)
      .sort()
  return {
    directory,
    queue,
    cluster,
    words,
    lines,
    submit: (jobID: string) => submitJob(cluster, { kind: 'archive', jobID, group: 'g', bytes: 1 }),
    start: (server: string, more = {}): Started => {
      const started = startProgram(process.execPath, words(server, more))
      running.add(started)
      void started.exited.then(() => running.delete(started))
      return started
    },
    done: () => jobsIn('done'),
    failed: () => jobsIn('fail'),
    /** What is claimed, and by what. */
    claims: async (): Promise<string[]> => [...(await cluster.store.claims.list()).keys()],
    conflicts: (): string[][] => lines().filter(([what]) => what === 'conflict'),
    /** The processes of programs that have begun and not ended. */
    programs: (): number[] => {
      const ended = new Set(lines().flatMap(([what, ...rest]) => (what === 'end' ? [rest[4]] : [])))
      return lines().flatMap(([what, , , , , pid]) =>
        what === 'begin' && !ended.has(pid) && existsSync(`/proc/${pid}`) ? [Number(pid)] : [],
      )
    },
  }
}

const rounds = bound(4)
const jobs = Array.from({ length: rounds * 8 }, (_, i) => `j${String(i).padStart(4, '0')}`)

t.test(
  `no job is lost, and nothing is used twice, whoever is killed, FSQ_CRASH_SEED=${seed}`,
  { skip: withoutFlock },
  async (t) => {
    const random = randomOf('nxqueue')
    const names = ['a', 'b', 'c']
    const it = await place(t, names, 0.1)
    const servers = new Map(names.map((name) => [name, it.start(name)]))
    const restart = async (name: string): Promise<void> => {
      servers.get(name)?.kill('SIGKILL')
      await servers.get(name)?.exited
      await setTimeout(random() * 500)
      servers.set(name, it.start(name))
    }
    for (const [i, job] of jobs.entries()) {
      await it.submit(job)
      if (i % 8 !== 7) continue
      await setTimeout(random() * 800)
      const what = random()
      const name = names[Math.floor(random() * 3)] ?? 'a'
      if (what < 0.25) {
        const [pid] = it.programs()
        if (pid !== undefined) process.kill(pid, 'SIGKILL') // Which fails its job for good.
      } else if (what < 0.5) {
        servers.get(name)?.kill('SIGSTOP')
        await setTimeout(5000)
        servers.get(name)?.kill('SIGCONT')
      } else if (what < 0.85) await restart(name)
      else await Promise.all(names.map(restart))
    }
    await eventually(() => it.done().length + it.failed().length === jobs.length, 120_000)
    for (let left = await it.claims(); left.length > 0; left = await it.claims())
      await setTimeout(20)
    t.strictSame(it.conflicts(), [], 'nothing was used by two at the same time')
    t.equal(
      new Set(it.done()).size + it.failed().length,
      jobs.length,
      'each is done once, or failed',
    )
    const begun = new Set(it.lines().flatMap(([what, job]) => (what === 'begin' ? [job] : [])))
    t.equal(begun.size, jobs.length)
  },
)

t.test(
  'a job that was running on a server that is gone is held until it is released',
  async (t) => {
    const it = await place(t, ['a', 'b'], 60)
    const a = it.start('a')
    await it.submit('x')
    await eventually(() => it.programs().length === 1)
    const b = it.start('b')
    a.kill('SIGKILL')
    await a.exited
    await eventually(() => existsSync(`${it.queue.path}/hosts/b/queue`))
    await it.submit('y')
    await eventually(() => it.lines().some(([what, job]) => what === 'begin' && job === 'y'))
    t.equal((await it.claims()).length, 6, 'it keeps what it has')
    await t.rejects(releaseJob(it.cluster, 'x'), { code: 'FSQ_ITEM_LOCKED' }, 'while it runs')
    for (const pid of it.programs()) execFileSync('pkill', ['-9', '-s', String(pid)])
    await releaseJob(it.cluster, 'x')
    await eventually(
      () => it.lines().filter(([what, job]) => what === 'begin' && job === 'x').length === 2,
    )
    t.match(it.lines().at(-1), ['begin', 'x', 'b'])
    t.strictSame(it.conflicts(), [])
    for (const pid of it.programs()) execFileSync('pkill', ['-9', '-s', String(pid)])
    b.kill('SIGTERM')
    await b.exited
  },
)

/** The calls by which anything is changed. */
const calls = ['link', 'linkat', 'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir']

t.test('a server may be killed at any step of a job', { skip: cannotTrace() }, async (t) => {
  const it = await place(t, ['a'], 0.01)
  const log = `${it.directory}/trace`
  const traced = async (job: string, ...options: string[]): Promise<number | string> => {
    await it.submit(job)
    const trace = ['-f', '-o', log, '-e', `trace=${calls.map((name) => `?${name}`).join()}`]
    const command = [process.execPath, ...it.words('a', { once: true })]
    return (await startProgram('strace', [...trace, ...options, ...command]).ended).status
  }
  t.equal(await traced('s'), 0)
  const lines = readFileSync(log, 'latin1').split('\n')
  const [main] = lines[0]?.split(' ') ?? []
  const all = calls.flatMap((name) => {
    const made = lines.filter((line) => line.startsWith(`${main} `) && line.includes(` ${name}(`))
    return made.map((_, at) => ({ name, when: at + 1 }))
  })
  t.ok(all.length > 20, `${all.length} steps`)
  for (const { name, when } of sample(all, bound(8), 'steps')) {
    const job = `${name}-${when}`
    const status = await traced(job, '-e', `inject=${name}:signal=KILL:when=${when}`)
    // What is renewed each second makes for more steps, or fewer.
    if (status === 0) continue
    const again = await it.start('a', { once: true }).ended
    t.equal(again.status, 0, again.stderr)
    const done = it.done().filter((each) => each === job)
    t.strictSame(done, [job], `killed before ${name} ${when}`)
    t.strictSame(await it.claims(), [])
    t.equal((await it.cluster.store.launches.list()).size, 0)
    if (t.counts.fail > 0) return
  }
  t.strictSame(it.conflicts(), [])
})
