// graphile-worker on a PostgreSQL cluster of its own, with the settings that initdb gives.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { checkPackage, findNode, install, programSession } from './node.mjs'
import { startServer } from './server.mjs'

export const graphileWorker = {
  name: 'graphile-worker',
  install: `apt-get install postgresql; ${install}`,
  promises: {
    durable: 'fsync and synchronous_commit on: what is acknowledged is in the synced log',
    weaker: 'synchronous_commit off: the last commits may be gone after a crash of the server',
  },
  async start({ place, options }, level) {
    checkPackage('graphile-worker')
    const node = findNode(options)
    const programs = findPrograms()
    const owner = findOwner()
    const directory = place.newPath('postgres')
    mkdirSync(directory)
    if (owner.uid !== undefined) {
      chmodSync(place.path, 0o711) // So that the other user gets through to its own directory.
      chownSync(directory, owner.uid, owner.gid)
    }
    const data = `${directory}/data`
    const made = spawnSync(
      `${programs}/initdb`,
      ['-D', data, '-U', 'bench', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
      { ...owner, cwd: directory, encoding: 'utf8' },
    )
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
    const settings = {
      listen_addresses: '',
      unix_socket_directories: directory,
      fsync: 'on',
      synchronous_commit: level === 'durable' ? 'on' : 'off',
    }
    const stop = await startServer(
      `${programs}/postgres`,
      [
        '-D',
        data,
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      {
        ...owner,
        cwd: directory,
        signal: 'SIGINT', // Ends sessions too; SIGTERM waits for them.
        answers: () =>
          spawnSync(`${programs}/pg_isready`, ['-q', '-h', directory, '-U', 'bench']).status === 0,
      },
    )
    return { ...programSession(node, 'graphile-worker', { socket: directory }), stop }
  },
}

/** Debian keeps the programs of the server out of PATH. */
function findPrograms() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => a - b) : []
  const places = [
    ...(process.env.PATH ?? '').split(':'),
    ...versions.reverse().map((version) => `${debian}/${version}/bin`),
  ]
  const found = places.find((place) =>
    ['initdb', 'postgres', 'pg_isready'].every((name) => existsSync(`${place}/${name}`)),
  )
  if (found === undefined) throw new Error('there is no PostgreSQL server')
  return found
}

/** PostgreSQL refuses to run as root: it gets the user that its package made. */
function findOwner() {
  if (process.getuid() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout || NaN),
  )
  if (Number.isNaN(uid)) throw new Error('PostgreSQL does not run as root, and no user is postgres')
  return { uid, gid }
}
