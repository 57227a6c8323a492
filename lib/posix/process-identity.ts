import { readFileSync, readlinkSync } from 'node:fs'
import { errnoOf, FsqError } from '../errors.js'

/*
 * Which process it was, after it and its system may have ended: numbers of processes are used again, so a number alone
 * says nothing a day, or a boot, later. Linux tells what is needed in /proc.
 */

/** What tells a process from all others, before it and after it; can be kept as JSON. */
export interface ProcessIdentity {
  /** Its number. */
  readonly pid: number
  /** The boot of the system that it runs under: the id that this gave itself. */
  readonly boot: string
  /** When it started, in clock ticks since that boot. */
  readonly startTicks: number
  /** The namespace that its number is of: in a container, it is another than outside. */
  readonly namespace?: string | undefined
}

/**
 * The id that the system gave itself when it booted: another after each boot.
 *
 * @throws {@link FsqError} `FSQ_UNSUPPORTED` where there is no /proc of Linux
 */
export function bootId(): string {
  try {
    return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  } catch (cause) {
    throw new FsqError(
      'FSQ_UNSUPPORTED',
      'cannot tell one boot of this system from another: that needs /proc of Linux',
      { path: '/proc/sys/kernel/random/boot_id', cause },
    )
  }
}

let boot: string | undefined

/**
 * When a process started, in clock ticks since the boot. Undefined where there is none of that number, where it has
 * ended and only its parent does not know yet, and where we may not see it.
 */
export function startTicks(pid: number): number | undefined {
  const state = stateOf(pid)
  return state?.ended === false ? state.ticks : undefined
}

/**
 * Who a process is.
 *
 * @param pid - its number; without, our own
 * @returns undefined where {@link startTicks} is
 * @throws as {@link bootId}
 */
export function processIdentity(pid: number = process.pid): ProcessIdentity | undefined {
  const boot = bootId()
  const ticks = startTicks(pid)
  return ticks === undefined ? undefined : { pid, boot, startTicks: ticks, namespace: namespace() }
}

/**
 * Whether that very process still runs, be it stopped. Undefined where that cannot be seen from here: it was in another
 * container of this machine, or the system hides processes of other users (`hidepid`). On another machine it is, to
 * us, of another boot and does not run.
 *
 * @throws as {@link bootId}
 */
export function isRunning(identity: ProcessIdentity): boolean | undefined {
  if (identity.boot !== bootId()) return false
  if (identity.namespace !== undefined && identity.namespace !== namespace()) return undefined
  const state = stateOf(identity.pid)
  if (state !== undefined) return !state.ended && state.ticks === identity.startTicks
  return isHidden(identity.pid) ? undefined : false
}

/** Sends a signal to the process group that this very process leads; harmless where it has ended. */
export function signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isRunning(identity) !== true) return
  try {
    process.kill(-identity.pid, signal)
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error
  }
}

/** What /proc says of a process; undefined where it says nothing. */
function stateOf(pid: number): { readonly ended: boolean; readonly ticks: number } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
  // 42 (its name, which may have anything in it) S 1 ...; what follows the name begins with field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { ended: /^[ZX]/i.test(fields[0] ?? ''), ticks: Number(fields[19]) }
}

/** Whether there is a process of that number, of another user: those that we may signal we also see. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
  return false
}

/** Ours, as `pid:[4026531836]`. */
function namespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return undefined
  }
}
