import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import type { Test } from 'tap'
import type { ConfiguredNode } from '../../lib/adapters/ftpcluster/cluster-conf.js'
import type { Certificates } from './certificates.js'
import { temporaryDirectory } from './temporary.js'

/*
 * Real FTP servers on loopback. We listen ourselves, and start a process of the server for each
 * connection, as inetd(8) did. So a node goes down and comes up again on its port when a test says so, and
 * each of its sessions can be killed at any moment. Neither daemons nor configuration of the system are
 * touched. Where we are root the servers become somebody else; otherwise they stay who we are.
 */

/**
 * The servers that can be started, and the Debian packages that they are in. Those packages exclude each
 * other; but vsftpd need not be installed to run, only unpacked (see .ci/run).
 */
const kinds = {
  proftpd: { program: '/usr/sbin/proftpd', package: 'proftpd-core' },
  vsftpd: { program: process.env['FSQ_VSFTPD'] ?? '/usr/sbin/vsftpd', package: 'vsftpd' },
} as const

/** `proftpd` tells checksums, and lists by MLSD; `vsftpd` does neither, and says little in its replies. */
export type ServerKind = keyof typeof kinds

/** Why tests with such a server are skipped, if they are. */
export function withoutServer(kind: ServerKind = 'proftpd'): string | false {
  const { program, package: name } = kinds[kind]
  const found = spawnSync('test', ['-x', program]).status === 0
  return found ? false : `there is no ${program} (Debian package ${name})`
}

/** Why tests with TLS are skipped, if they are. */
export function withoutFtpTls(): string | false {
  const found = spawnSync('test', ['-e', '/usr/lib/proftpd/mod_tls.so']).status === 0
  return found ? withoutServer() : 'there is no mod_tls.so (Debian package proftpd-mod-crypto)'
}

/** How a server is started. */
export interface ServerOptions {
  /** @defaultValue proftpd */
  readonly kind?: ServerKind
  /** Where its files are. @defaultValue a new directory, which goes when the test ends */
  readonly directory?: string
  /** Its certificate, where it is to encrypt, and then only that; for proftpd. */
  readonly certificates?: Certificates
  /** Further lines of its configuration. */
  readonly config?: readonly string[]
}

/** An FTP server on loopback. */
export interface FtpServer {
  /** Where it is, and who may log in. */
  readonly node: ConfiguredNode
  /** The directory that a login leads to. */
  readonly directory: string
  /** How many connections were made to it so far. */
  readonly connections: () => number
  /** The processes that serve a connection now. */
  readonly sessions: () => readonly ChildProcess[]
  /** Kills those: what they were at is cut off. The next connection is served again. */
  readonly cut: () => Promise<void>
  /** Nobody listens any more, and who is connected is cut off. */
  readonly stop: () => Promise<void>
  /** It listens again, where it did. */
  readonly start: () => Promise<void>
  /** From now on it takes connections and never says a word on them. */
  readonly hang: () => void
  /** What it has logged. */
  readonly log: () => string
}

const isRoot = process.getuid?.() === 0

/** The user daemon, and its group: the servers run as that where we are root. */
const daemon = 1

/** The password of each server. */
export const password = 'secret-pw'

/** Several of them, each with a directory of its own. */
export async function ftpServers(
  t: Test,
  count: number,
  options: ServerOptions = {},
): Promise<FtpServer[]> {
  return Promise.all(Array.from({ length: count }, () => ftpServer(t, options)))
}

/** A new server, which listens, and ends with the test. */
export async function ftpServer(t: Test, options: ServerOptions = {}): Promise<FtpServer> {
  const { kind = 'proftpd' } = options
  const own = temporaryDirectory(t)
  const directory = options.directory ?? `${own}/files`
  if (options.directory === undefined) {
    mkdirSync(directory)
  }
  const config = { proftpd: proftpdConfig, vsftpd: vsftpdConfig }[kind](own, directory, options)
  writeFileSync(`${own}/conf`, `${config.join('\n')}\n`)
  if (isRoot) spawnSync('chown', ['-R', 'daemon:daemon', own, directory])
  const words = kind === 'proftpd' ? ['-c', `${own}/conf`] : [`${own}/conf`]

  const sessions = new Set<ChildProcess>()
  const silent = new Set<Socket>()
  let connections = 0
  let hangs = false
  const serve = (socket: Socket): void => {
    connections++
    if (hangs) {
      silent.add(socket)
      socket.on('error', () => undefined)
      return
    }
    // env(1), because tap adds variables to every child.
    const child = spawn('env', ['-i', 'LC_ALL=C.UTF-8', kinds[kind].program, ...words], {
      stdio: [socket, socket, 'ignore'],
      ...(isRoot ? { uid: daemon, gid: daemon } : {}),
    })
    sessions.add(child)
    child.on('exit', () => sessions.delete(child))
    socket.destroy() // Ours; the child has its own.
  }
  const cut = async (): Promise<void> => {
    for (const socket of silent) socket.destroy()
    const ends = [...sessions].map((child) => once(child, 'exit'))
    for (const child of sessions) child.kill('SIGKILL')
    await Promise.all(ends)
  }

  const server = createServer({ pauseOnConnect: true }, serve)
  const port = await listenSomewhere(server)
  let listens = true
  const stop = async (): Promise<void> => {
    if (listens) {
      listens = false
      server.close()
    }
    await cut()
  }
  t.teardown(stop)
  const login = kind === 'proftpd' ? 'cluster1' : 'anonymous'
  return {
    node: { host: '127.0.0.1', port, user: login, password },
    directory,
    connections: () => connections,
    sessions: () => [...sessions],
    cut,
    stop,
    start: async () => {
      hangs = false
      if (listens) return
      listens = true
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    hang: () => {
      hangs = true
    },
    log: () => readFileSync(`${own}/log`, 'utf8'),
  }
}

/** Why tests of a full disk are skipped, if they are. */
export function withoutSmallDisk(): string | false {
  if (!isRoot) return 'needs root, to mount a small file system'
  const directory = mkdtempSync(`${tmpdir()}/fsq-`)
  const { status } = mountSmall(directory, 4)
  if (status === 0) spawnSync('umount', [directory])
  rmdirSync(directory)
  return status === 0 ? false : 'no small file system can be mounted here'
}

/** A directory on a file system of so many KiB. */
export function smallDisk(t: Test, size: number): string {
  const directory = temporaryDirectory(t)
  mountSmall(directory, size)
  t.teardown(() => spawnSync('umount', [directory]))
  return directory
}

function mountSmall(directory: string, size: number): { readonly status: number | null } {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', directory])
}

/**
 * Listens on a port below those that the system gives to who asks for any: while the server is down
 * nobody else comes by it.
 */
async function listenSomewhere(server: Server): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const listening = once(server, 'listening')
    server.listen(port, '127.0.0.1')
    try {
      await listening
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

/** {@link password}, by crypt(3). */
const encrypted = '$1$fsq$zNGftaQg3dH5iCXOGKMEy1'

function proftpdConfig(own: string, directory: string, options: ServerOptions): string[] {
  const { certificates, config = [] } = options
  const { uid, gid } = isRoot ? { uid: daemon, gid: daemon } : userInfo()
  const [user, group] = isRoot ? ['daemon', 'daemon'] : [idOf('-un'), idOf('-gn')]
  writeFileSync(`${own}/passwd`, `cluster1:${encrypted}:${uid}:${gid}::${directory}:/bin/false\n`, {
    mode: 0o600,
  })
  if (certificates !== undefined)
    for (const each of ['cert', 'key'] as const)
      copyFileSync(certificates.server[each], `${own}/${each}.pem`)
  const tls =
    certificates === undefined
      ? []
      : [
          'LoadModule mod_tls.c',
          'TLSEngine on',
          'TLSRequired on',
          `TLSECCertificateFile ${own}/cert.pem`,
          `TLSECCertificateKeyFile ${own}/key.pem`,
          `TLSLog ${own}/log`,
        ]
  return [
    'ServerName node',
    'ServerType inetd',
    'DefaultServer on',
    `User ${user}`,
    `Group ${group}`,
    'AuthOrder mod_auth_file.c',
    `AuthUserFile ${own}/passwd`,
    'RequireValidShell off',
    'AllowOverwrite on',
    'UseReverseDNS off',
    'DelayEngine off',
    'ModulePath /usr/lib/proftpd',
    'LoadModule mod_digest.c',
    'DigestOptions NoTransferCache', // A checksum is of what is on the disk.
    'ScoreboardFile none',
    'WtmpLog off',
    'TransferLog none',
    `SystemLog ${own}/log`,
    `PidFile ${own}/pid`,
    ...tls,
    ...config,
  ]
}

/** What id(1) says. */
function idOf(what: string): string {
  return spawnSync('id', [what], { encoding: 'utf8' }).stdout.trim()
}

function vsftpdConfig(own: string, directory: string, { config = [] }: ServerOptions): string[] {
  mkdirSync(`${own}/empty`)
  return [
    'listen=NO',
    'anonymous_enable=YES',
    'no_anon_password=NO',
    `anon_root=${directory}`,
    'write_enable=YES',
    'anon_upload_enable=YES',
    'anon_mkdir_write_enable=YES',
    'anon_other_write_enable=YES',
    'anon_world_readable_only=NO',
    'anon_umask=022',
    'allow_writeable_chroot=YES',
    `secure_chroot_dir=${own}/empty`,
    'seccomp_sandbox=NO',
    `vsftpd_log_file=${own}/log`,
    'run_as_launching_user=YES',
    ...config,
  ]
}
