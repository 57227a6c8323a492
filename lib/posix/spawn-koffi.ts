import { constants as files } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import type { LibraryHandle } from 'koffi'
import type { Call } from './koffi-calls.js'
import type { Native } from './native.js'
import type { Ended } from './program.js'

/*
 * Starting programs by posix_spawn(3), which shares our memory with the new process for the moment until it
 * executes the program. The fork(2) of Node.js copies the tables of that memory before, which takes several
 * times as long as all else that there is to do for a small program.
 *
 * What a program finds is the same: every signal as it is by default, and none blocked; descriptors 0 to 2
 * blocking, and no others but those that it is given. Whatever is not to be done here, or fails, is left to
 * Node.js, which does it, or says why not in its own words.
 */

/** A program that was started here. */
export interface Spawned {
  readonly pid: number
  /** How it ended; nothing while it runs. */
  readonly status: () => Ended | undefined
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>
}

/** What a program is started with. */
export interface SpawnRequest {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** What its descriptors are to be, from 0 on: one of ours, or nothing for /dev/null. */
  readonly descriptors: readonly (number | undefined)[]
  /** Whether it leads a session, and a process group, of its own. */
  readonly leads: boolean
}

/** Starts a program; nothing where that is better left to Node.js. */
export type Spawn = (request: SpawnRequest) => Spawned | undefined

/** Of Linux. */
const POSIX_SPAWN_SETSIGDEF = 0x04
const POSIX_SPAWN_SETSIGMASK = 0x08
const POSIX_SPAWN_SETSID = 0x80
const WNOHANG = 1
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4

/** More than any of the structures takes that are opaque to us. */
const opaque = 1024

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))

/** How to start programs, where that can be: on Linux, and in the main thread, which has the signals. */
export function loadSpawn(native: Native): Spawn | undefined {
  const { fcntl } = native
  if (process.platform !== 'linux' || !isMainThread || fcntl === undefined) return undefined
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  return makeSpawn(koffi.load(null), fcntl)
}

function makeSpawn(libc: LibraryHandle, fcntl: NonNullable<Native['fcntl']>): Spawn {
  const func = (signature: string): Call => libc.func(signature) as Call
  const spawn = func(
    'int posix_spawnp(_Out_ int *pid, const char *file, const void *actions, const void *attributes, ' +
      'const char **argv, const char **envp)',
  )
  const initActions = func('int posix_spawn_file_actions_init(void *actions)')
  const destroyActions = func('int posix_spawn_file_actions_destroy(void *actions)')
  const addDuplicate = func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)')
  const addOpen = func(
    'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
  )
  const initAttributes = func('int posix_spawnattr_init(void *attributes)')
  const setFlags = func('int posix_spawnattr_setflags(void *attributes, short flags)')
  const setDefault = func('int posix_spawnattr_setsigdefault(void *attributes, const void *set)')
  const setMask = func('int posix_spawnattr_setsigmask(void *attributes, const void *set)')
  const fillSet = func('int sigfillset(void *set)')
  const emptySet = func('int sigemptyset(void *set)')
  const waitpid = func('int waitpid(int pid, _Out_ int *status, int options)')

  const attributesFor = (leads: boolean): Buffer | undefined => {
    const [attributes, set] = [Buffer.alloc(opaque), Buffer.alloc(opaque)]
    const flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (leads ? POSIX_SPAWN_SETSID : 0)
    const isMade =
      initAttributes(attributes) === 0 &&
      fillSet(set) === 0 &&
      setDefault(attributes, set) === 0 &&
      emptySet(set) === 0 &&
      setMask(attributes, set) === 0 &&
      setFlags(attributes, flags) === 0 // An old C library knows of no sessions.
    return isMade ? attributes : undefined
  }
  const attributes = { alone: attributesFor(false), leading: attributesFor(true) }
  const children = new Children((pid) => {
    const status = [0]
    const result = waitpid(pid, status, WNOHANG)
    if (result === 0) return undefined
    // Somebody else in this process has waited for it.
    if (result < 0) return { error: new Error(`nobody knows how process ${pid} ended`) }
    return statusOf(status[0] ?? 0)
  })

  return ({ file, args, env, descriptors, leads }) => {
    const chosen = leads ? attributes.leading : attributes.alone
    const variables = Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    )
    // It is found in our PATH here, and in its own there; the C library would cut words at a NUL.
    if (chosen === undefined || env['PATH'] !== process.env['PATH']) return undefined
    if ([file, ...args, ...variables].some((word) => word.includes('\0'))) return undefined
    // Whether one that is not moved stays open differs between C libraries.
    if (descriptors.some((from, to) => from === to && to > 2)) return undefined
    const actions = Buffer.alloc(opaque)
    if (initActions(actions) !== 0) return undefined
    try {
      for (const [to, from] of descriptors.entries()) {
        if (from === undefined) {
          if (addOpen(actions, to, '/dev/null', files.O_RDWR, 0) !== 0) return undefined
          continue
        }
        if (to <= 2) block(fcntl, from)
        // Node.js lets no program have its own descriptors unless it says so.
        if (from === to) fcntl(to, F_SETFD, 0)
        else if (addDuplicate(actions, from, to) !== 0) return undefined
      }
      return children.add(() => {
        const pid = [0]
        const argv = [file, ...args, null]
        const errno = spawn(pid, file, actions, chosen, argv, [...variables, null])
        return errno === 0 ? pid[0] : undefined
      })
    } finally {
      destroyActions(actions)
    }
  }
}

/** Node.js makes pipes that do not block; a program would take that for an error. */
function block(fcntl: NonNullable<Native['fcntl']>, fd: number): void {
  const flags = fcntl(fd, F_GETFL, 0)
  if ((flags & files.O_NONBLOCK) !== 0) fcntl(fd, F_SETFL, flags & ~files.O_NONBLOCK)
}

function statusOf(status: number): Ended {
  const number = status & 0x7f
  if (number === 0) return { code: (status >> 8) & 0xff }
  return { signal: (names.get(number) ?? `SIG${number}`) as NodeJS.Signals }
}

/** How often children are looked at although no signal told of any, in milliseconds. */
const lookAgainAfter = 1000

/** The programs that run. SIGCHLD tells that one has ended, not which. */
class Children {
  readonly #wait: (pid: number) => Ended | undefined
  readonly #running = new Map<number, (status: Ended) => void>()
  readonly #look = (): void => {
    for (const pid of this.#running.keys()) this.#collect(pid)
  }
  #timer: NodeJS.Timeout | undefined

  constructor(wait: (pid: number) => Ended | undefined) {
    this.#wait = wait
  }

  /** Starts one; nothing where that did not go. */
  add(start: () => number | undefined): Spawned | undefined {
    this.#listen() // Before it can end.
    const pid = start()
    if (pid === undefined) {
      this.#rest()
      return undefined
    }
    let over: Ended | undefined
    const ended = new Promise<Ended>((resolve) => {
      this.#running.set(pid, (status) => {
        over = status
        resolve(status)
      })
    })
    return {
      pid,
      ended,
      status: () => {
        this.#collect(pid)
        return over
      },
    }
  }

  #collect(pid: number): void {
    const end = this.#running.get(pid)
    if (end === undefined) return
    const status = this.#wait(pid)
    if (status === undefined) return
    this.#running.delete(pid)
    end(status)
    this.#rest()
  }

  #listen(): void {
    if (this.#timer !== undefined) return
    process.on('SIGCHLD', this.#look)
    // It keeps this process alive, too, which the signal does not.
    this.#timer = setInterval(this.#look, lookAgainAfter)
  }

  #rest(): void {
    if (this.#running.size > 0) return
    process.off('SIGCHLD', this.#look)
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
