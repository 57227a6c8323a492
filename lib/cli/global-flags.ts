import type { Command } from 'commander'
import { charset, setting } from './values.js'

/** The flags of the program, which stand before the command: how each is written, what it does, how it is read. */
const table: readonly (readonly [
  flags: string,
  text: string,
  read?: (given: string) => unknown,
])[] = [
  ['-V, --version', 'print the version and exit'],
  ['-l, --list', 'list the commands and exit'],
  ['-c, --charset <charset>', 'charset of names and bodies', charset],
  ['-e, --exec-dir <path>', 'directory of further commands, fsq-NAME'],
  ['-r, --root-dir <path>', 'directory of queues', setting('root')],
  ['-q, --queue-dir <name>', 'directory of items that are ready', setting('queueDir')],
  ['-t, --tmp-dir <name>', 'directory of items under construction', setting('tmpDir')],
  ['-d, --done-dir <name>', 'directory of items that succeeded', setting('doneDir')],
  ['-D, --down-file <name>', 'file that marks a queue as down', setting('downFile')],
  ['-T, --trigger-fifo <name>', 'FIFO that wakes a listener', setting('triggerFifo')],
]

/** Adds them to the parser of the program. */
export function globalFlags(parser: Command): Command {
  for (const [flags, text, read] of table)
    if (read === undefined) parser.option(flags, text)
    else parser.option(flags, text, read)
  return parser
}

/** Whether a word is one of them. */
export function isGlobalFlag(word: string): boolean {
  return table.some(([flags]) => flags.split(/[ ,]+/).includes(word))
}
