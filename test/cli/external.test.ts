import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { check, type Place, place } from '../helpers/cli.js'

t.jobs = 4

/** A directory with the commands `fsq-hello`, which tells where it is from, and `fsq-NAME`. */
function commandsIn(directory: string, name: string): string {
  const path = `${directory}/${name}`
  mkdirSync(path)
  const hello = `#!/bin/sh\necho "${name}: $#" "$@"\n`
  for (const file of ['fsq-hello', `fsq-${name}`])
    writeFileSync(`${path}/${file}`, hello, { mode: 0o755 })
  return path
}

/** A command that runs this shell text. */
function command({ directory }: Place, name: string, text: string): string {
  const path = `${directory}/commands`
  mkdirSync(path, { recursive: true })
  writeFileSync(`${path}/fsq-${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

t.test(
  'fsq NAME runs fsq-NAME from --exec-dir, FSQ_EXEC_DIR or PATH',
  { buffered: true },
  async (t) => {
    const { fsq, directory, env } = await place(t)
    const [flag, variable, path] = ['flag', 'variable', 'path'].map((name) =>
      commandsIn(directory, name),
    ) as [string, string, string]
    const all = { PATH: `${path}:${env['PATH'] ?? ''}`, FSQ_EXEC_DIR: variable }
    const { PATH } = all
    const words = ['hello', '-v', '', '--', 'a b']
    const results = await Promise.all([
      fsq(['-e', flag, ...words], { env: all }),
      fsq([`--exec-dir=${flag}`, ...words], { env: all }),
      fsq(words, { env: all }),
      fsq(words, { env: { PATH } }),
      fsq(['-e', flag, 'path'], { env: all }),
    ])
    const [short, long, fromVariable, fromPath, builtin] = results
    const given = '-v  -- a b'
    check(t, short, { stdout: `flag: 4 ${given}\n` }, '-e comes first')
    check(t, long, { stdout: `flag: 4 ${given}\n` }, '--exec-dir too')
    check(t, fromVariable, { stdout: `variable: 4 ${given}\n` }, 'then FSQ_EXEC_DIR')
    check(t, fromPath, { stdout: `path: 4 ${given}\n` }, 'then PATH')
    check(
      t,
      builtin,
      { stdout: `${env['FSQ_ROOT'] ?? ''}\n` },
      'a built-in command is not replaced',
    )
  },
)

t.test('-l lists built-in and external commands once each', { buffered: true }, async (t) => {
  const { fsq, directory, env } = await place(t)
  const execDir = commandsIn(directory, 'flag')
  const path = commandsIn(directory, 'path')
  writeFileSync(`${path}/fsq-not-executable`, '#!/bin/sh\n')
  mkdirSync(`${path}/fsq-directory`)
  for (const list of ['-l', '--list']) {
    const ended = await fsq(['-e', execDir, list], {
      env: { PATH: `${path}:/nonexistent:${env['PATH'] ?? ''}` },
    })
    check(t, ended, { stdout: /^/ }, list)
    const names = ended.stdout.split('\n').map((line) => line.split(' ')[0])
    t.strictSame(names, [...Object.keys(commands), 'flag', 'hello', 'path', ''], 'in this order')
    for (const help of [
      ['-e', execDir, '-h'],
      ['-e', execDir, 'help'],
    ])
      t.match((await fsq(help)).stdout, /\nflag +fsq-flag\nhello /, help.join(' '))
  }
})

t.test('the exit status, stdin and global flags pass through', { buffered: true }, async (t) => {
  const here = await place(t)
  command(here, 'status', 'exit "$1"')
  command(here, 'cat', 'cat; cat >&2 </dev/null')
  command(
    here,
    'tell',
    'printf "%s|" "$FSQ_ROOT" "$FSQ_QUEUE" "$FSQ_TMP" "$FSQ_DONE" "$FSQ_DOWN" "$FSQ_TRIGGER" "$FSQ_CHARSET"; env | grep -c UV_THREADPOOL_SIZE',
  )
  const execDir = command(here, 'kill', 'kill -KILL $$')
  const env = { FSQ_EXEC_DIR: execDir, FSQ_QUEUE: 'overridden' }
  const [seven, one, cat, show, killed] = await Promise.all([
    here.fsq(['status', '7'], { env }),
    here.fsq(['status', '1'], { env }),
    here.fsq(['cat'], { env, input: 'from stdin' }),
    here.fsq(
      [...['-r', '/r', '-q', 'Q', '-t', 'T', '-d', 'D'], '-D', 'off', '-Tbell', '-clatin1', 'tell'],
      { env },
    ),
    here.fsq(['kill'], { env }),
  ])
  check(t, seven, { status: 7 })
  check(t, one, { status: 1 })
  check(t, cat, { stdout: 'from stdin' })
  check(t, show, { status: 1, stdout: '/r|Q|T|D|off|bell|latin1|0\n' }, 'as variables')
  check(t, killed, { status: 111, stderr: `fsq: ${execDir}/fsq-kill: killed by SIGKILL\n` })
})

t.test('what cannot be run is no command, or says why', { buffered: true }, async (t) => {
  const here = await place(t)
  const execDir = command(here, 'plain', '')
  chmodSync(`${execDir}/fsq-plain`, 0o644)
  command(here, 'no-interpreter', '')
  writeFileSync(`${execDir}/fsq-no-interpreter`, '#!/no/such/shell\n')
  const [plain, noInterpreter] = await Promise.all([
    here.fsq(['-e', execDir, 'plain']),
    here.fsq(['-e', execDir, 'no-interpreter']),
  ])
  check(t, plain, { status: 100, stderr: /^fsq: command not found: plain \(/ })
  check(t, noInterpreter, {
    status: 111,
    stderr: `fsq: ${execDir}/fsq-no-interpreter: no such file or directory\n`,
  })
})

t.test('a signal to fsq reaches the external command', { buffered: true }, async (t) => {
  const here = await place(t)
  const execDir = command(
    here,
    'wait',
    'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
  )
  const started = here.start(['-e', execDir, 'wait'])
  t.equal(await started.line(), 'ready')
  started.kill('SIGTERM')
  check(t, await started.ended, { status: 5, stdout: 'ready\ncaught\n' })
})
