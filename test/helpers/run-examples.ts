import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { removeSync } from 'fs-extra/esm'
import { program, startProgram } from './cli.js'
import { natsProgram, withoutNats } from './nats.js'
import { freePorts } from './ports.js'

/*
 * The examples of README.md and of the manual pages, run as they stand there. In a block, a line that
 * begins with `$ ` is a command; the lines up to the next are all that it prints, stderr included.
 *
 * A command may go on in lines that begin with `> `. The commands of all blocks run one after the
 * other in one shell, in an empty directory, with an FSQ_ROOT that does not exist yet.
 *
 * What is different each time is written as it was at ten past ten on some machine, and compared
 * without it (see `settle`): item names such as _20261121101500_0_4242_myhost_0_alice_welcome, their
 * timestamp, process and host wherever `fsq ls --json` and FSQ_ITEM_* tell them, ages such as 3s,
 * and /var/fsq for FSQ_ROOT. A server of NATS listens where nobody else does, and `fsq nats` finds it
 * there, although the examples leave it to the defaults. How wide the columns of a table are does not count.
 */

/** A command of an example, what the example says that it prints, and what it printed. */
export interface Example {
  readonly command: string
  readonly expected: string
  readonly got: string
}

/** Runs the examples in these blocks; a block without a command is none. */
export async function runExamples(blocks: readonly string[]): Promise<readonly Example[]> {
  const examples = blocks.flatMap(commandsOf)
  const directory = mkdtempSync(`${tmpdir()}/fsq-`)
  try {
    const outputs = await runAll(
      examples.map(({ command }) => command),
      directory,
    )
    return examples.map(({ command, output }, at) => ({
      command,
      expected: settle(output, '/var/fsq', 'myhost'),
      got: settle(outputs[at] ?? '(the shell is gone)', `${directory}/root`, hostname()),
    }))
  } finally {
    removeSync(directory)
  }
}

/** Why an example has to be skipped, if it has. */
export function lacking(block: string): string | false {
  return block.includes('nats-server') && withoutNats()
}

/** Whether there is a command in a block. */
export function isExample(block: string): boolean {
  return /^\$ /m.test(block)
}

function commandsOf(block: string): { command: string; output: string }[] {
  const [, ...parts] = `\n${block}`.split(/\n\$ /)
  return parts.map((part) => {
    const lines = part.replace(/\n+$/, '').split('\n')
    const count = lines.findIndex((line, at) => at > 0 && !line.startsWith('> '))
    const end = count < 0 ? lines.length : count
    const command = lines.slice(0, end).map((line, at) => (at === 0 ? line : line.slice(2)))
    return { command: command.join('\n'), output: lines.slice(end).join('\n') }
  })
}

/** Ends what one command printed; no example prints it. */
const separator = '\x1e'

async function runAll(commands: readonly string[], directory: string): Promise<string[]> {
  const bin = `${directory}/bin`
  const cwd = `${directory}/cwd`
  for (const path of [bin, cwd]) mkdirSync(path)
  writeFileSync(`${bin}/fsq`, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  const [port = 0] = await freePorts(1)
  writeFileSync(`${bin}/nats-server`, `#!/bin/sh\nexec '${natsProgram()}' -p ${port} "$@"\n`)
  for (const name of ['fsq', 'nats-server']) chmodSync(`${bin}/${name}`, 0o755)
  const script = ['exec 2>&1', ...commands.map((command) => `${command}\nprintf '\\036'`)]
  const { stdout } = await startProgram('/bin/sh', ['-c', script.join('\n')], {
    env: {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      FSQ_ROOT: `${directory}/root`,
      NATS_URL: `nats://127.0.0.1:${port}`,
      TZ: 'UTC',
    },
    cwd,
  }).ended
  return stdout.split(separator)
}

function settle(output: string, root: string, host: string): string {
  return output
    .replaceAll(root, 'ROOT')
    .replace(/_\d{14}_(\d+)_\d+_[^_\s]+_(\d+)/g, '_TIMESTAMP_$1_PID_HOST_$2')
    .replace(/(ENQUEUED_AT=)\d{14}/g, '$1TIMESTAMP')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, 'TIME')
    .replace(/\(\d+m?s ago\)/g, '(AGE ago)')
    .replace(/process \d+ on \S+,/g, 'process PID on HOST,')
    .replace(/^(owner +)\S+$/gm, '$1OWNER')
    .replace(/("pid":"|ITEM_PID=)\d+/g, '$1PID')
    .replaceAll(`"hostname":"${host}"`, '"hostname":"HOST"')
    .replaceAll(`HOSTNAME=${host}`, 'HOSTNAME=HOST')
    .replace(/(oldest for )\d+s/g, '$1AGE')
    .replace(/ +/g, ' ')
    .replace(/^(\w+ \d+) \d+s ((\d+ ){6})(up|down)$/gm, '$1 AGE $2$4')
    .replace(/^(queue|done|fail|tmp) \d+(ms|s) /gm, '$1 AGE ')
    .replace(/\n+$/, '')
}
