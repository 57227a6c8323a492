import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { program } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** The program, with those of its files alone. */
function programOf(directory: string, files: readonly string[]): string {
  const cli = `${directory}/dist/cli`
  mkdirSync(cli, { recursive: true })
  for (const file of files) copyFileSync(`${dirname(program)}/${file}`, `${cli}/${file}`)
  copyFileSync(
    fileURLToPath(new URL('../../package.json', import.meta.url)),
    `${directory}/package.json`,
  )
  return `${cli}/fsq.cjs`
}

/** Whether it can tell how a command is called. */
function helps(file: string, command: string): boolean {
  const { status, stdout } = spawnSync(process.execPath, [file, command, '--help'])
  return status === 0 && stdout.toString().startsWith('Usage: fsq ')
}

const apart = ['jsonrpcd', 'nats', 'nxqueue', 'ftpcluster', 'filespooler', 'completion']

t.test('only the commands that bring much with them need the second file', async (t) => {
  const alone = programOf(temporaryDirectory(t), ['fsq.cjs'])
  const without = Object.keys(commands).filter((command) => !helps(alone, command))
  t.strictSame(without, apart)
})

t.test('with it there is each of them, by its other name too', async (t) => {
  const both = programOf(temporaryDirectory(t), ['fsq.cjs', 'fsq-all.cjs'])
  for (const command of [...apart, 'fspl']) t.ok(helps(both, command), command)
})
