import { errnoOf, reasonOf } from '../errors.js'
import { canRun } from '../posix/find-program.js'
import { type Ended, startProgram } from '../posix/program.js'
import type { Item } from '../queue/item.js'
import { keptOutput } from '../queue/output.js'
import { itemEnvironment } from './environment.js'
import type { Result, Runner } from './job.js'
import { Tail } from './tail.js'

/** How a program is run for an item. */
export interface ProgramRun {
  /** Tell the program of the item in FSQ_ITEM_* variables. @defaultValue true */
  readonly env?: boolean | undefined
  /** What it finds in its environment besides. */
  readonly variables?: Readonly<Record<string, string>>
  /** Whether the arguments of the item are not added to its own. @defaultValue false */
  readonly ownArguments?: boolean
  /** Is told the number of the program once it runs. */
  readonly onStart?: (pid: number) => void
  /** Do not give the body to the program. @defaultValue false */
  readonly noOpen?: boolean | undefined
  /**
   * Whether the program leads a session and a process group of its own, so that it is ended together
   * with the programs that it started. Signals of a terminal do not reach it then.
   */
  readonly group: boolean
  /** Whether the last of what it writes is kept. */
  readonly keepOutput?: boolean | undefined
  /**
   * Whether the program is ours and not the items': where it cannot be started, as while a new version of
   * it is installed, no item has failed.
   */
  readonly isOurs?: boolean
  /** The signal that asks it to end. */
  readonly stopSignal: () => NodeJS.Signals
  /** Whether the program ended so since it was asked to by who asked us as well. */
  readonly askedToo?: (ended: Ended) => Promise<boolean>
}

/** Why an item cannot be run by itself. */
const nothing = 'the item has no arguments, so there is nothing to run'

/**
 * Work that is done by a program: with its arguments and then the item's, the item's body as its
 * standard input: the very descriptor that is locked, so that a program that outlives us keeps the lock.
 *
 * @param command - the program and its first arguments; if empty, the item's arguments are the command
 */
export function runProgram(command: readonly string[], options: ProgramRun): Runner {
  if (command[0] === '') throw new TypeError('Expected the name of a program, got an empty one')
  const { env = true, noOpen = false, group, keepOutput = false, stopSignal, askedToo } = options
  const unable = [...exhaustion, ...(options.isOurs === true ? unusable : [])]
  const environment = { ...process.env, ...options.variables } // Read once: each variable costs a call.
  return async (item: Item, { signal, kill }): Promise<Result> => {
    const [program, ...args] = [
      ...command,
      ...(options.ownArguments === true ? [] : item.arguments),
    ]
    if (program === undefined || program === '')
      return { error: cannotRun('item', new Error(nothing)) }
    const tail = keepOutput ? new Tail(keptOutput) : undefined
    const running = startProgram(program, args, {
      stdin: noOpen ? 'ignore' : (item.fd ?? 'ignore'),
      // So that a program that outlives us keeps the lock, though it does not read the body.
      held: noOpen ? item.fd : undefined,
      env: env ? itemEnvironment(item, environment) : environment,
      group,
      onOutput:
        tail &&
        ((bytes) => {
          tail.add(bytes)
        }),
    })
    if (running.pid !== undefined) options.onStart?.(running.pid)
    let asked = false as boolean // Set by what is called back.
    const ask = (): void => {
      if (running.isOver()) return // It was in time, only the news of it was not.
      asked = true
      running.kill(stopSignal())
    }
    const end = (): void => {
      running.kill('SIGKILL')
    }
    signal.addEventListener('abort', ask, { once: true })
    kill.addEventListener('abort', end, { once: true })
    // By who was told that the item is worked on.
    if (signal.aborted) ask()
    if (kill.aborted) end()
    try {
      const ended = await running.ended
      if (asked) {
        // What it started may take a moment longer, and is ended like it.
        await running.gone(kill)
        if (kill.aborted) end()
      }
      if ('error' in ended) {
        const error = cannotRun(program, ended.error)
        return unable.includes(errnoOf(ended.error) ?? '') ? { unable: error } : { error }
      }
      await running.closeOutput()
      if (!asked && (await askedToo?.(ended)) === true) return { stopped: true }
      return { ...ended, inTime: !asked, ...(tail && { output: tail.bytes() }) }
    } finally {
      signal.removeEventListener('abort', ask)
      kill.removeEventListener('abort', end)
    }
  }
}

/** The system has no room for another program now. */
const exhaustion = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']

/** The program is not there, or cannot be run as it is. */
const unusable = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ENOEXEC', 'ETXTBSY', 'ELOOP', 'EIO']

/** The system says of a script that it is not there where its interpreter is not. */
function cannotRun(program: string, cause: unknown): Error {
  const reason =
    errnoOf(cause) === 'ENOENT' && canRun(program)
      ? 'the interpreter that its first line names is not there'
      : reasonOf(cause)
  return Object.assign(new Error(`cannot run ${program}: ${reason}`), { cause })
}
