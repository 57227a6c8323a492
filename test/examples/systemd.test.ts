import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { check, eventually, place, startProgram } from '../helpers/cli.js'
import { entriesOf, temporaryDirectory } from '../helpers/temporary.js'

const units = fileURLToPath(new URL('../../examples/systemd', import.meta.url))
const names = readdirSync(units).filter((name) => name !== 'README.md')

function directives(name: string, key: string): string[] {
  const lines = readFileSync(`${units}/${name}`, 'utf8').split('\n')
  return lines
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1))
}

const { error } = spawnSync('systemd-analyze', ['--version'])
const skip = error === undefined ? false : 'needs systemd-analyze(1) (Debian: systemd)'

t.test('systemd finds nothing wrong with the units', { skip }, async (t) => {
  const directory = temporaryDirectory(t)
  for (const name of names) {
    if (!name.endsWith('.service')) {
      copyFileSync(`${units}/${name}`, `${directory}/${name}`)
      continue
    }
    // Programs and users that need not be here.
    const text = readFileSync(`${units}/${name}`, 'utf8')
    const here = text.replaceAll('/usr/bin/fsq', '/bin/sh').replace('User=fsq', 'User=root')
    writeFileSync(`${directory}/${name.replace('@', '@mail')}`, here)
  }
  for (const name of readdirSync(directory)) {
    const words = ['verify', '--man=no', `${directory}/${name}`]
    check(t, await startProgram('systemd-analyze', words).ended, {}, name)
  }
})

t.test('each timer has its service', async (t) => {
  for (const name of names.filter((each) => each.endsWith('.timer'))) {
    t.ok(names.includes(name.replace(/timer$/, 'service')), name)
    for (const when of directives(name, 'OnCalendar')) t.match(when, /^(hourly|daily|weekly)$/)
  }
})

t.test('the services run commands and flags that there are', async (t) => {
  const here = await place(t)
  const mail = await here.root.install('mail')
  await mail.enqueue('')
  for (const name of names.filter((each) => each.endsWith('.service'))) {
    for (const line of directives(name, 'ExecStart')) {
      const [file, command = '', ...words] = line.replaceAll('%i', 'mail').split(' ')
      t.equal(file, '/usr/bin/fsq')
      t.ok(command in commands, command)
      const program = here.script('program', 'exit 0')
      const started = here.start([
        command,
        ...words.map((word) => (word.startsWith('/usr/local/') ? program : word)),
      ])
      if (command === 'work') {
        await eventually(() => readdirSync(mail.context.paths.done).length > 0)
        started.kill('SIGTERM')
      }
      t.equal((await started.ended).status, 0, line)
    }
  }
})

t.test('a program that takes too long is ended, and tried again later', async (t) => {
  const here = await place(t)
  const mail = await here.root.install('mail')
  await mail.enqueue('')
  const [line = ''] = directives('fsq-work@.service', 'ExecStart')
  const program = here.script('program', 'exec sleep 60')
  const [, ...words] = line
    .replaceAll('/usr/local/lib/fsq/%i', program)
    .replaceAll('%i', 'mail')
    .replace(/--timeout \S+/, '--timeout 1s')
    .split(' ')
  const started = here.start(words)
  await eventually(() => started.errors().includes('failed temporarily'))
  started.kill('SIGTERM')
  t.equal((await started.ended).status, 0)
  const { queue } = mail.context.paths
  const waits = entriesOf(queue)
  t.match(waits, [/_1$/], 'one try is spent')
  t.ok(statSync(`${queue}/${waits[0] ?? ''}`).mtimeMs > Date.now(), 'it waits for its time')
})

t.test('systemd waits longer for the worker than that for its programs', async (t) => {
  const [line = ''] = directives('fsq-work@.service', 'ExecStart')
  const [, drain = ''] = /--drain (\d+)s/.exec(line) ?? []
  const [stop = ''] = directives('fsq-work@.service', 'TimeoutStopSec')
  t.ok(Number(stop) >= Number(drain) + 10, 'and the time to end them')
})
