import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { FsqError } from '../errors.js'

/** Whom a file shall belong to, and its exact mode. What is undefined stays as it is. */
export interface Ownership {
  /** The id of the user. */
  readonly uid?: number | undefined
  /** The id of the group. */
  readonly gid?: number | undefined
  /** The permissions. */
  readonly mode: number
}

const uids = new Map<string, number>()
const gids = new Map<string, number>()

/**
 * The id of a user, by name or by the id itself. Asked once a process.
 *
 * @throws {@link FsqError} `FSQ_NO_USER`
 */
export function userId(user: string): number {
  return lookUp(uids, user, () => {
    const id =
      idField(ask('getent', ['passwd', user])) ?? wholeNumber(ask('id', ['-u', '--', user]))
    return id ?? fromFile('/etc/passwd', user) ?? fail('FSQ_NO_USER', `no such user: ${user}`)
  })
}

/**
 * The id of a group, by name or by the id itself. Asked once a process.
 *
 * @throws {@link FsqError} `FSQ_NO_GROUP`
 */
export function groupId(group: string): number {
  return lookUp(gids, group, () => {
    const id = idField(ask('getent', ['group', group])) ?? fromFile('/etc/group', group)
    return id ?? fail('FSQ_NO_GROUP', `no such group: ${group}`)
  })
}

/** The name of a user, or the id where it has none. */
export function userName(uid: number): string {
  return ask('getent', ['passwd', String(uid)])?.split(':')[0] ?? String(uid)
}

/** The name of a group, or the id where it has none. */
export function groupName(gid: number): string {
  return ask('getent', ['group', String(gid)])?.split(':')[0] ?? String(gid)
}

/** The largest id; the next one, -1 as an unsigned number, means "leave it" to chown(2). */
const largestId = 0xfffffffe

function lookUp(known: Map<string, number>, name: string, find: () => number): number {
  const number = wholeNumber(name)
  if (number !== undefined && number <= largestId) return number
  let id = known.get(name)
  if (id === undefined) {
    id = find()
    known.set(name, id)
  }
  return id
}

function wholeNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  return /^[0-9]+$/.test(trimmed) ? Number(trimmed) : undefined
}

/** What a command prints, or nothing if it is missing or fails. */
function ask(command: string, args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  })
  return status === 0 ? stdout : undefined
}

/** The id in a line of passwd(5) or group(5): its third field. */
function idField(line: string | undefined): number | undefined {
  return wholeNumber(line?.split(':')[2])
}

function fromFile(path: string, name: string): number | undefined {
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    return idField(lines.find((line) => line.split(':', 1)[0] === name))
  } catch {
    return undefined
  }
}

function fail(code: 'FSQ_NO_USER' | 'FSQ_NO_GROUP', message: string): never {
  throw new FsqError(code, message)
}
