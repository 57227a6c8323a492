import { emitKeypressEvents } from 'node:readline'
import { paint } from './output.js'

/*
 * The whole terminal for one program, until it ends, however it does:
 *
 *   q, or the caller is done   the terminal is as it was, and the caller goes on
 *   Ctrl-C, or a signal        the same, then the process dies by that signal, as its shell expects
 *   an exception               the same, then it is reported
 *   Ctrl-Z, SIGTSTP            the same, then it stops; continued, it takes the terminal again
 *   kill -STOP, then SIGCONT   it takes the terminal again: somebody else has used it meanwhile
 *
 * Only kill -9 leaves the terminal as it is; reset(1) helps.
 */

/** The screen beside the one with the shell's lines, no cursor, long lines cut and not wrapped. */
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'

const deadly = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** A key: its name, such as `pageup`, or the character that it types. */
export type Key = string

/** What a {@link Screen} tells of. */
export interface ScreenEvents {
  /** A key was pressed, other than Ctrl-C and Ctrl-Z. */
  readonly onKey: (key: Key) => void
  /** The screen has another size, or nothing of what was drawn on it: draw again. */
  readonly onRedraw: () => void
}

/** Whether standard output is a terminal on which a program can draw. */
export function canDraw(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb'
}

/** The terminal, taken until it is disposed of. */
export class Screen implements Disposable {
  readonly #events: ScreenEvents
  #taken = false

  constructor(events: ScreenEvents) {
    this.#events = events
    if (process.stdin.isTTY) emitKeypressEvents(process.stdin)
    this.#take()
    for (const signal of deadly) process.on(signal, this.#die)
    process.on('SIGTSTP', this.#stop)
    process.on('SIGCONT', this.#retake)
    process.on('exit', this.#release)
    process.on('uncaughtExceptionMonitor', this.#release)
    process.stdout.on('resize', this.#redraw)
  }

  /** How many lines there are. */
  get rows(): number {
    return process.stdout.rows || 24
  }

  /** How wide they are. */
  get columns(): number {
    return process.stdout.columns || 80
  }

  /** Shows these lines, none wider than the screen; those for which there is no room are left out. */
  draw(lines: readonly string[]): void {
    if (!this.#taken) return
    const shown = lines.slice(0, this.rows).map((line) => `${line}\x1b[K`)
    paint(`\x1b[H${shown.join('\n')}\x1b[J`)
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    this.#release()
    for (const signal of deadly) process.off(signal, this.#die)
    process.off('SIGTSTP', this.#stop)
    process.off('SIGCONT', this.#retake)
    process.off('exit', this.#release)
    process.off('uncaughtExceptionMonitor', this.#release)
    process.stdout.off('resize', this.#redraw)
  }

  #take(): void {
    if (this.#taken) return
    this.#taken = true
    paint(enter)
    if (!process.stdin.isTTY) return
    process.stdin.setRawMode(true)
    process.stdin.on('keypress', this.#press)
    process.stdin.resume()
  }

  readonly #release = (): void => {
    if (!this.#taken) return
    this.#taken = false
    paint(leave)
    if (!process.stdin.isTTY) return
    process.stdin.pause()
    process.stdin.off('keypress', this.#press)
    process.stdin.setRawMode(false)
  }

  readonly #redraw = (): void => {
    if (this.#taken) this.#events.onRedraw()
  }

  readonly #press = (text: string | undefined, key: { name?: string; ctrl?: boolean }): void => {
    if (key.ctrl === true && key.name === 'c') this.#die('SIGINT', true)
    else if (key.ctrl === true && key.name === 'z') this.#suspend('SIGTSTP', true)
    else this.#events.onKey(text !== undefined && /^[!-~]$/.test(text) ? text : (key.name ?? ''))
  }

  /** Dies by a signal: with the listener gone, it does what it does to any process. */
  readonly #die = (signal: (typeof deadly)[number], fromKey?: unknown): void => {
    this.#release()
    process.off(signal, this.#die)
    process.kill(target(fromKey), signal)
  }

  readonly #stop = (): void => {
    this.#suspend('SIGSTOP', false)
  }

  #suspend(signal: 'SIGTSTP' | 'SIGSTOP', fromKey: boolean): void {
    this.#release()
    process.off('SIGTSTP', this.#stop)
    process.kill(target(fromKey), signal) // Returns when we are continued.
    process.on('SIGTSTP', this.#stop)
    this.#retake()
  }

  readonly #retake = (): void => {
    this.#release()
    this.#take()
    this.#redraw()
  }
}

/**
 * Whom a signal goes to: the whole process group where a key stands for it, as the terminal would send
 * it, so that a script that runs us stops or ends too; else ourselves, since the others have it.
 */
function target(fromKey: unknown): number {
  return fromKey === true ? 0 : process.pid
}
