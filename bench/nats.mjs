// NATS servers on loopback, each a process of its own, which end with the benchmark.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

const program = process.env.FSQ_BENCH_NATS_SERVER ?? 'nats-server'

/** Not everybody has the directory of servers on PATH. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` }

/** Milliseconds after which a server that is not ready never will be. */
const tooLong = 30_000

/** The name and version of the server, if there is one. */
export function natsVersion() {
  const { status, stdout } = spawnSync(program, ['--version'], { env, encoding: 'utf8' })
  return status === 0 ? stdout.trim().replace(':', '') : undefined
}

/** Why there is no such server, if there is none. */
export function withoutNats({ sync }) {
  const version = natsVersion()
  if (version === undefined) return `there is no ${program} (Debian package nats-server)`
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(version) ?? []
  if (sync && Number(major) * 1000 + Number(minor) < 2010)
    return `${version} has no sync_interval: FSQ_BENCH_NATS_SERVER names one of 2.10 or later`
  return undefined
}

/**
 * Runs something while so many servers run as a cluster, or one alone, all with new stores.
 *
 * @param sync - whether they sync each write before they acknowledge it
 */
export async function withNats(place, { nodes, sync }, run) {
  const ports = await freePorts(3 * nodes)
  const servers = []
  try {
    for (let i = 0; i < nodes; i++) {
      const [port, monitor, route] = ports.slice(3 * i)
      const directory = place.newPath('nats')
      mkdirSync(directory, { recursive: true })
      const cluster = {
        name: 'bench',
        listen: `127.0.0.1:${route}`,
        routes: ports.filter((_, at) => at % 3 === 2).map((each) => `nats://127.0.0.1:${each}`),
      }
      const config = {
        server_name: `n${i}`,
        listen: `127.0.0.1:${port}`,
        http: `127.0.0.1:${monitor}`,
        max_payload: 8_388_608,
        jetstream: {
          store_dir: directory,
          max_mem: 268_435_456,
          max_file: 4_294_967_296,
          ...(sync ? { sync_interval: 'always' } : {}),
        },
        ...(nodes > 1 ? { cluster } : {}),
      }
      writeFileSync(`${directory}/conf`, JSON.stringify(config))
      const log = openSync(`${directory}/log`, 'a')
      // setpriv(1) ends it with us, however we end.
      const words = ['--pdeathsig', 'KILL', program, '-c', `${directory}/conf`]
      const child = spawn('setpriv', words, { env, stdio: ['ignore', log, log] })
      closeSync(log)
      servers.push({ child, port, monitor, directory })
    }
    await ready(servers)
    return await run(servers.map(({ port }) => `nats://127.0.0.1:${port}`).join(','))
  } finally {
    for (const { child } of servers) {
      if (child.exitCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
  }
}

/** Waits until all are healthy, and one of them has heard from all others. */
async function ready(servers) {
  const end = performance.now() + tooLong
  for (;;) {
    const told = await Promise.all(servers.map(askedForPeers))
    if (told.some((peers) => peers === servers.length - 1) && !told.includes(undefined)) return
    for (const { child, directory } of servers)
      if (child.exitCode !== null || performance.now() > end)
        throw new Error(`${program} is not ready: ${readFileSync(`${directory}/log`, 'utf8')}`)
    await setTimeout(50)
  }
}

/** How many others a server knows that leads them, 0 for one that does not; undefined for one that is not healthy. */
async function askedForPeers({ monitor }) {
  try {
    const [health, told] = await Promise.all(
      ['healthz', 'jsz'].map((path) => fetch(`http://127.0.0.1:${monitor}/${path}`)),
    )
    if (!health.ok) return undefined
    const { meta_cluster: cluster } = await told.json()
    return (cluster?.replicas ?? []).filter(({ current }) => current).length
  } catch {
    return undefined
  }
}

/** Below the ports that the system gives to who asks for any. */
async function freePorts(count) {
  const found = new Set()
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    const isFree = await new Promise((resolve) => {
      probe.once('listening', () => resolve(true)).once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1')
    })
    if (!isFree) continue
    found.add(port)
    probe.close()
    await once(probe, 'close')
  }
  return [...found]
}
