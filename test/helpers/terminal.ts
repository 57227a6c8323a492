import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { eventually, type Ended, type Place, startProgram } from './cli.js'

/** Why tests with a terminal are skipped, if they are. */
export const noTerminal =
  spawnSync('script', ['--version']).status === 0 ? false : 'needs script(1), to have a terminal'

/** A program that has a terminal. */
export interface OnTerminal {
  /** Everything that it has written so far. */
  readonly output: () => string
  /** The lines that it has drawn last, without escape sequences. */
  readonly frame: () => string[]
  /** Waits until a line of the frame is such a one. */
  readonly shows: (line: RegExp) => Promise<void>
  /** Types. */
  readonly type: (keys: string) => void
  /** Sets the size of the terminal. */
  readonly resize: (columns: number, rows: number) => void
  /** Sends a signal to the program, as soon as it has shown something. */
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

let terminals = 0

/**
 * Starts a program, with its words for the shell, on a new terminal of 80 columns and 24 rows, as a job
 * of a shell. When it ends or stops, the shell prints `status N` and whether the terminal is in its
 * usual mode, `icanon`; if it has stopped, the shell continues it at the next line that is typed.
 */
export function onTerminal(
  { directory, env }: Place,
  program: string,
  variables: Readonly<Record<string, string>> = {},
): OnTerminal {
  const file = `${directory}/terminal-${terminals++}`
  const told = (): string[] => readFileSync(file, 'utf8').trim().split(' ')
  const shell = [
    'set -m; trap : INT; stty cols 80 rows 24',
    `tell() { echo "status $1"; stty -a | tr ' ;' '\\n\\n' | grep -x -e -icanon -e icanon; }`,
    `sh -c 'echo $$ $(tty) >${file}; exec ${program}'; tell $?`,
    `jobs >${file}.jobs; if grep -q Stopped ${file}.jobs; then read line; fg; tell $?; fi`,
  ]
  const started = startProgram('script', ['-qec', shell.join('\n'), `${file}.typescript`], {
    env: { ...env, TERM: 'xterm', SHELL: '/bin/sh', ...variables },
    input: { later: true },
  })
  const frame = (): string[] => {
    const drawn = started.output().split('\x1b[H').at(-1) ?? ''
    return drawn.replace(/\x1b\[[?0-9;]*[A-Za-z]/g, '').split('\r\n')
  }
  return {
    output: started.output,
    frame,
    shows: (line) => eventually(() => frame().some((each) => line.test(each))),
    type: started.write,
    resize(columns, rows) {
      const [, tty = ''] = told()
      spawnSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)])
    },
    kill(signal) {
      process.kill(Number(told()[0]), signal)
    },
    ended: started.ended,
  }
}

/** The modes that a program has set and not taken back, of those that ours sets; none is right. */
export function modesLeft(output: string): string[] {
  const modes = new Map<string, string>()
  for (const [, mode = '', set = ''] of output.matchAll(/\x1b\[\?(\d+)([hl])/g))
    modes.set(mode, set)
  const usual: Readonly<Record<string, string>> = { '1049': 'l', '25': 'h', '7': 'h' }
  return [...modes].filter(([mode, set]) => usual[mode] !== set).map(([mode]) => mode)
}
