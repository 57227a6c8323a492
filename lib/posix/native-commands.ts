import { spawnSync, type SpawnSyncReturns, type StdioOptions } from 'node:child_process'
import { FsqError } from '../errors.js'
import type { Native } from './native.js'
import type { Path } from './path.js'

/**
 * The same calls by the commands that every Linux has. flock(1) locks the descriptor that it
 * inherits: the lock belongs to the open file description, so it stays when the command ends.
 *
 * @throws {@link FsqError} `FSQ_UNSUPPORTED` where flock(1) is missing.
 */
export function loadCommands(): Native {
  run('flock', ['--version'])
  return {
    name: 'commands',
    flock(fd) {
      const { status, stderr } = run('flock', ['-n', '-x', '3'], ['ignore', 'ignore', 'pipe', fd])
      if (status === 0) return true
      if (status === 1) return false
      throw failed('flock', stderr)
    },
    unlock(fd) {
      const { status, stderr } = run('flock', ['-u', '3'], ['ignore', 'ignore', 'pipe', fd])
      if (status !== 0) throw failed('flock', stderr)
    },
    mkfifo(path, mode) {
      const text = asText(path)
      const { status, stderr } = run('mkfifo', ['-m', mode.toString(8), '--', text])
      if (status !== 0) throw failed('mkfifo', stderr)
    },
    async syncfs(fd) {
      const { status, stderr } = run(
        'sync',
        ['-f', '/proc/self/fd/3'],
        ['ignore', 'ignore', 'pipe', fd],
      )
      if (status !== 0) throw failed('sync', stderr)
    },
    renameNoReplace: () => false,
    renameExchange: () => false,
  }
}

function run(
  command: string,
  args: string[],
  stdio: StdioOptions = ['ignore', 'ignore', 'pipe'],
): SpawnSyncReturns<string> {
  // The messages are matched below, so they have to come in the language of the system calls.
  const env = { ...process.env, LC_ALL: 'C' }
  const result = spawnSync(command, args, { stdio, env, encoding: 'utf8' })
  if (result.error === undefined) return result
  throw new FsqError(
    'FSQ_UNSUPPORTED',
    `cannot run ${command}(1), which stands in for the npm package koffi: install koffi for this ` +
      'platform, or the packages util-linux and coreutils',
    { cause: result.error },
  )
}

const errnoByMessage: Record<string, string> = {
  'File exists': 'EEXIST',
  'No such file or directory': 'ENOENT',
  'Permission denied': 'EACCES',
  'Operation not permitted': 'EPERM',
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'Read-only file system': 'EROFS',
  'Not a directory': 'ENOTDIR',
  'File name too long': 'ENAMETOOLONG',
}

function failed(command: string, stderr: string): NodeJS.ErrnoException {
  const words = stderr.trim().split(': ').pop() ?? ''
  const code = errnoByMessage[words] ?? 'EIO'
  return Object.assign(new Error(`${code}: ${command}(1): ${stderr.trim()}`), { code })
}

function asText(path: Path): string {
  if (typeof path === 'string') return path
  throw new FsqError('FSQ_UNSUPPORTED', 'a path that is not UTF-8 needs the npm package koffi', {
    path: path.toString(),
  })
}
