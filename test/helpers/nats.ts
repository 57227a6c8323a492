import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, closeSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Certificates } from './certificates.js'
import { freePorts } from './ports.js'
import { temporaryDirectory } from './temporary.js'

/*
 * Real NATS servers on loopback, each a process of its own, with JetStream. A test can kill one, freeze it, and
 * start it again where it was, with what it had stored. setpriv(1) sees to it that none outlives the
 * process of the test, however that ends.
 */

/** Another one than that of the system. */
const program = process.env['FSQ_NATS_SERVER'] ?? 'nats-server'

/** All that a server gets of our environment; not everybody has the directory of servers on PATH. */
const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

/** Why tests with such servers are skipped, if they are. */
export function withoutNats(): string | false {
  for (const [file, name] of [
    [program, 'nats-server'],
    ['setpriv', 'util-linux'],
  ] as const)
    if (spawnSync(file, ['--version'], { env }).status !== 0)
      return `there is no ${file} (Debian package ${name})`
  return false
}

/** Where the program is. */
export function natsProgram(): string {
  const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { env, encoding: 'utf8' })
  return stdout.trim()
}

/** How a server is started. */
export interface NatsOptions {
  /** The largest message, in bytes. @defaultValue 8388608 */
  readonly maxPayload?: number
  /** Sync each write before it is acknowledged; servers before 2.10 refuse to start with it. */
  readonly sync?: boolean
  /** Who may connect. @defaultValue anybody */
  readonly authorization?:
    | { readonly user: string; readonly password: string }
    | { readonly token: string }
    | { readonly users: readonly { readonly nkey: string }[] }
  /** The certificate of the server, which then speaks TLS. */
  readonly certificates?: Certificates
  /** Whether each client needs a certificate too. @defaultValue false */
  readonly verify?: boolean
  /** The name of the JetStream domain. */
  readonly domain?: string
  /** Whether leaf nodes may connect. @defaultValue false */
  readonly hub?: boolean
  /** The {@link NatsServer.leafUrl} of the servers that it is a leaf node of. */
  readonly leafOf?: readonly string[]
  /** Further fields of its configuration. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** A NATS server on loopback. */
export interface NatsServer {
  readonly name: string
  /** Where clients connect. */
  readonly url: string
  /** Where leaf nodes do. */
  readonly leafUrl: string
  /** Where its configuration, its log and its store are. */
  readonly directory: string
  readonly pid: () => number | undefined
  /** Starts it, where it was and with what it had stored. Resolves when it listens. */
  readonly start: () => Promise<void>
  /** Resolves when it says of itself that it is healthy; in a cluster it then knows a leader. */
  readonly ready: () => Promise<void>
  /** Ends it by SIGKILL. */
  readonly kill: () => Promise<void>
  /** Ends it by SIGTERM. */
  readonly stop: () => Promise<void>
  /** Freezes it: its connections stay, and nothing comes from them. */
  readonly pause: () => void
  readonly resume: () => void
  /** What it tells at a path of its monitoring port. */
  readonly monitor: (path: string) => Promise<Record<string, unknown>>
  /** What it has logged. */
  readonly log: () => string
}

/** Servers that share their streams. */
export interface NatsCluster {
  readonly servers: readonly NatsServer[]
  /** Where clients connect: at any of them. */
  readonly urls: string[]
  /** Resolves when all of them are ready. */
  readonly ready: () => Promise<void>
  /**
   * Resolves when all have found each other. That they are ready is not to be waited for after one was killed:
   * of 2.9.10 some then say for ever that a stream is not current, and serve.
   */
  readonly met: () => Promise<void>
  /** The server that leads a stream, as soon as they agree on one that is up. */
  readonly leaderOf: (stream: string) => Promise<NatsServer>
}

/** Milliseconds after which a server that is not ready never will be. */
const tooLong = 60_000

/** A new server, which is ready, and ends with the test. */
export async function natsServer(t: Test, options: NatsOptions = {}): Promise<NatsServer> {
  const server = await newServer(t, 'n1', options, {})
  await server.start()
  await server.ready()
  return server
}

/** New servers that form a cluster, ready, which end with the test. */
export async function natsCluster(
  t: Test,
  options: NatsOptions = {},
  count = 3,
): Promise<NatsCluster> {
  const ports = await freePorts(count)
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`)
  const servers = await Promise.all(
    ports.map((port, i) =>
      newServer(t, `n${i + 1}`, options, {
        cluster: { name: 'c', listen: `127.0.0.1:${port}`, routes },
      }),
    ),
  )
  const cluster: NatsCluster = {
    servers,
    urls: servers.map(({ url }) => url),
    ready: async () => {
      await Promise.all(servers.map((server) => server.ready()))
      await cluster.met()
    },
    met: async () => {
      await until(() => haveMet(servers), 'the servers do not find each other')
    },
    leaderOf: async (stream) => until(() => leaderNow(servers, stream), `no leader of ${stream}`),
  }
  await Promise.all(servers.map((server) => server.start()))
  await cluster.ready()
  return cluster
}

/** Whether one of them leads the others, and has heard from all: before that it may place no stream. */
async function haveMet(servers: readonly NatsServer[]): Promise<true | undefined> {
  for (const server of servers) {
    const told = await server.monitor('/jsz').catch(() => undefined)
    const { replicas = [] } = (told?.['meta_cluster'] ?? {}) as MetaCluster
    const here = replicas.filter(({ current, offline }) => current && offline !== true)
    if (here.length === servers.length - 1) return true
  }
  return undefined
}

/** Of what /jsz tells, where it leads. */
interface MetaCluster {
  readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[]
}

/** The server that says of itself that it leads. One that was cut off may say so too: not if it is frozen. */
async function leaderNow(
  servers: readonly NatsServer[],
  stream: string,
): Promise<NatsServer | undefined> {
  for (const server of servers) {
    const told = await server.monitor('/jsz?accounts=true&streams=true').catch(() => undefined)
    const accounts = (told?.['account_details'] ?? []) as AccountDetail[]
    for (const { stream_detail = [] } of accounts)
      for (const { name, cluster } of stream_detail)
        if (name === stream && (cluster?.leader ?? server.name) === server.name) return server
  }
  return undefined
}

/** Of what /jsz tells. */
interface AccountDetail {
  readonly stream_detail?: readonly {
    readonly name: string
    readonly cluster?: { readonly leader?: string }
  }[]
}

async function newServer(
  t: Test,
  name: string,
  options: NatsOptions,
  more: Readonly<Record<string, unknown>>,
): Promise<NatsServer> {
  const directory = temporaryDirectory(t)
  const [port = 0, monitorPort = 0, leafPort = 0] = await freePorts(3)
  const config = { ...configOf(name, directory, options, [port, monitorPort, leafPort]), ...more }
  writeFileSync(`${directory}/conf`, JSON.stringify(config, undefined, 2))
  mkdirSync(`${directory}/store`)

  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill(signal)
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    await exited
  }
  const monitor: NatsServer['monitor'] = async (path) => {
    const signal = AbortSignal.timeout(1000) // It may be frozen.
    const response = await fetch(`http://127.0.0.1:${monitorPort}${path}`, { signal })
    const told = (await response.json()) as Record<string, unknown>
    if (!response.ok) throw new Error(JSON.stringify(told))
    return told
  }
  const log = (): string => readFileSync(`${directory}/log`, 'utf8')
  t.teardown(() => end('SIGKILL'))
  return {
    name,
    url:
      options.certificates === undefined ? `nats://127.0.0.1:${port}` : `tls://localhost:${port}`,
    leafUrl: `nats://127.0.0.1:${leafPort}`,
    directory,
    pid: () => child?.pid,
    start: async () => {
      if (child !== undefined) return
      const output = openSync(`${directory}/log`, 'a')
      const words = ['--pdeathsig', 'KILL', program, '-c', `${directory}/conf`]
      const started = spawn('setpriv', words, { env, stdio: ['ignore', output, output] })
      closeSync(output)
      child = started
      started.once('exit', () => (child = undefined))
      await until(async () => {
        if (child !== started) throw new Error(`${name} ended:\n${log()}`)
        return monitor('/varz').catch(() => undefined)
      }, `${name} does not listen`)
    },
    ready: async () => {
      let told: unknown
      const ask = async (): Promise<unknown> => {
        try {
          return await monitor('/healthz')
        } catch (error) {
          told = error
          return undefined
        }
      }
      await until(ask, () => `${name} is not healthy: ${String(told)}`)
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause: () => {
      if (child?.pid === undefined) return
      child.kill('SIGSTOP')
      while (!isStopped(child.pid)); // A thread that runs goes on for a moment, and may answer in it.
    },
    resume: () => child?.kill('SIGCONT'),
    monitor,
    log,
  }
}

/** Whether all threads of a process have stopped. */
function isStopped(pid: number): boolean {
  const states = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'),
  )
  return states.every((status) => /^State:\tT/m.test(status))
}

/** The configuration of a server, in JSON, which it reads as well. */
function configOf(
  name: string,
  directory: string,
  options: NatsOptions,
  [port, monitorPort, leafPort]: readonly number[],
): Record<string, unknown> {
  const { certificates, leafOf } = options
  return {
    server_name: name,
    listen: `127.0.0.1:${port}`,
    http: `127.0.0.1:${monitorPort}`,
    max_payload: options.maxPayload ?? 8_388_608,
    jetstream: {
      store_dir: `${directory}/store`,
      max_mem: 268_435_456,
      max_file: 2_147_483_648,
      ...(options.domain === undefined ? {} : { domain: options.domain }),
      ...(options.sync === true ? { sync_interval: 'always' } : {}),
    },
    ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
    ...(certificates === undefined
      ? {}
      : {
          tls: {
            cert_file: certificates.server.cert,
            key_file: certificates.server.key,
            ca_file: certificates.ca,
            verify: options.verify ?? false,
          },
        }),
    ...(options.hub === true || leafOf !== undefined
      ? {
          leafnodes: {
            ...(options.hub === true ? { listen: `127.0.0.1:${leafPort}` } : {}),
            ...(leafOf === undefined ? {} : { remotes: leafOf.map((url) => ({ url })) }),
          },
        }
      : {}),
    ...options.config,
  }
}

/** Asks until there is an answer. */
async function until<T>(
  ask: () => Promise<T | undefined>,
  otherwise: string | (() => string),
): Promise<T> {
  const end = Date.now() + tooLong
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new Error(typeof otherwise === 'string' ? otherwise : otherwise())
    await setTimeout(50)
  }
}
