import { spawnSync } from 'node:child_process'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { programOf } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** Whether it can tell how a command is called. */
function helps(file: string, command: string): boolean {
  const { status, stdout } = spawnSync(process.execPath, [file, command, '--help'])
  return status === 0 && stdout.toString().startsWith('Usage: fsq ')
}

const programFiles = ['fsq.cjs', 'fsq-everyday.cjs', 'fsq-all.cjs']
const everyday = ['install', 'uninstall', 'enqueue', 'scan', 'done', 'fail', 'retry']

t.test('the commands of a work-item need the first file alone', async (t) => {
  const alone = programOf(temporaryDirectory(t), ['fsq.cjs', 'fsq-everyday.cjs'])
  const found = Object.keys(commands).filter((command) => helps(alone, command))
  t.strictSame(found, everyday)
})

t.test('with the second file there is each of the others, by other names too', async (t) => {
  const both = programOf(temporaryDirectory(t), programFiles)
  const others = Object.keys(commands).filter((command) => !everyday.includes(command))
  for (const command of [...others, 'fspl']) t.ok(helps(both, command), command)
})

t.test('what is in both files is the same in both', async (t) => {
  const both = programOf(temporaryDirectory(t), programFiles)
  for (const command of everyday) {
    // A flag before the command is read by the program that has all of them.
    const [alone, all] = [[], ['-r', '/nowhere']].map((flags) =>
      spawnSync(process.execPath, [both, ...flags, command, '--help']).stdout.toString(),
    )
    t.equal(alone, all, command)
  }
})
