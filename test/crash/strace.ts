import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { startProgram, type Started } from '../helpers/cli.js'

/*
 * Programs under strace(1): what they asked of the kernel, and what they were answered instead.
 */

/** Every system call by which fsq looks at, or changes, a queue; `?` where an architecture lacks it. */
const traced = [
  ...['open', 'openat', 'close', 'access', 'faccessat', 'faccessat2', 'getdents64', 'flock'],
  ...['stat', 'lstat', 'fstat', 'newfstatat', 'statx', 'utimensat', 'ftruncate'],
  ...['read', 'pread64', 'write', 'pwrite64', 'writev', 'fsync', 'fdatasync', 'syncfs'],
  ...['link', 'linkat', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2'],
  ...['mkdir', 'mkdirat', 'rmdir', 'mknod', 'mknodat', 'chmod', 'fchmod', 'chown', 'fchown'],
]
  .map((name) => `?${name}`)
  .join()

/** A system call of a program. */
export interface Call {
  readonly name: string
  readonly thread: number
  /** As strace writes them, strings as byte strings; a descriptor has its path: `3</path>`. */
  readonly arguments: readonly string[]
  /** What the kernel returned; `?` where the program was killed in it. */
  result: string
  /** Whether it was strace that returned it. */
  injected: boolean
  /** Where in the trace it began, and where it returned. */
  readonly began: number
  ended: number
}

/** Starts a program under strace, which writes to a file what it does; its stdin waits for input. */
export function startTraced(
  log: string,
  command: readonly string[],
  options: readonly string[] = ['-f', '--seccomp-bpf'],
): Started {
  const own = ['-y', '-xx', '-s', '1000000', '-o', log, '-e', `trace=${traced}`]
  const env = { UV_THREADPOOL_SIZE: process.env['UV_THREADPOOL_SIZE'] ?? '1', UV_USE_IO_URING: '0' }
  return startProgram('strace', [...options, ...own, ...command], { env, input: { later: true } })
}

/** Why nothing can be traced here, if so. */
export function cannotTrace(): string | false {
  const { error, status, stderr } = spawnSync('strace', ['-o', '/dev/null', 'true'])
  if (error !== undefined) return 'there is no strace(1) here'
  return status === 0 ? false : `strace(1) may not trace here: ${stderr.toString().split('\n')[0]}`
}

/** The calls of a trace in the order in which they began. */
export function readTrace(log: string): Call[] {
  const calls: Call[] = []
  const unfinished = new Map<number, Call>()
  const lines = readFileSync(log, 'latin1').split('\n')
  for (const [at, line] of lines.entries()) {
    // Without -f, a line has no thread.
    const [, thread = '0', text = ''] = /^(?:([0-9]+) +)?(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text)
    const open = unfinished.get(Number(thread))
    if (resumed !== null && open !== undefined) {
      unfinished.delete(Number(thread))
      finish(open, text, at)
      continue
    }
    const [, name, rest] = /^(\w+)\((.*)$/.exec(text) ?? []
    if (name === undefined || rest === undefined) continue
    const isUnfinished = rest.endsWith('<unfinished ...>')
    const call: Call = {
      name,
      thread: Number(thread),
      arguments: argumentsOf(isUnfinished ? rest.slice(0, -'<unfinished ...>'.length) : rest),
      result: '?',
      injected: false,
      began: at,
      ended: Infinity,
    }
    calls.push(call)
    if (isUnfinished) unfinished.set(call.thread, call)
    else finish(call, rest, at)
  }
  return calls
}

function finish(call: Call, text: string, at: number): void {
  const result = text.slice(text.lastIndexOf(' = ') + 3)
  call.result = unescape(result)
  call.injected = result.includes('(INJECTED)')
  if (result !== '?') call.ended = at
}

/** In hexadecimal, nothing in a string can be taken for the end of an argument. */
function argumentsOf(text: string): string[] {
  const end = /\) += [-?0-9]/.exec(text)?.index ?? text.length
  return text
    .slice(0, end)
    .trimEnd()
    .split(', ')
    .map((argument) => unescape(argument).replace(/^"(.*)"$/s, '$1'))
}

function unescape(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
}
