import { spawnSync } from 'node:child_process'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { check, place, type Place, startProgram } from '../helpers/cli.js'

t.jobs = 4

/** What the program offers for these words, the last of which is not complete. */
async function offered(here: Place, ...words: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await here.fsq(['__complete', ...words])
  if (status !== 0 || stderr !== '') throw new Error(`${String(status)}: ${stderr}`)
  const [kind = '', ...lines] = stdout.trimEnd().split('\n')
  return kind === 'words' ? lines.map((line) => line.split('\t')[0] ?? '') : [kind]
}

t.test('every command, and all of its flags, are offered', { buffered: true }, async (t) => {
  const here = await place(t)
  t.strictSame(await offered(here, ''), [...Object.keys(commands), 'help'])
  for (const name of ['scan', 'requeue', 'ls']) {
    const { stdout } = await here.fsq([name, '-h'])
    const flags = [...stdout.matchAll(/^ {2}(?:-\S, )?(--[\w-]+)/gm)].map(([, flag]) => flag)
    t.strictSame(await offered(here, name, '-'), flags, name)
  }
})

t.test('queues, items and values', { buffered: true }, async (t) => {
  const here = await place(t)
  await here.root.install('r', { hosts: ['h'] })
  const [waits, failed, done] = [
    await here.queue.enqueue('', ['a b']),
    await (await here.queue.claim(await here.queue.enqueue('', ['f']))).failPerm(),
    await (await here.queue.claim(await here.queue.enqueue('', ['d']))).done(),
  ]
  const table: readonly [words: string[], expected: string[]][] = [
    [['re'], ['retry', 'requeue', 'repair']],
    [
      ['help', 'up'],
      ['up', 'up-host'],
    ],
    [
      ['mv', 'q', ''],
      ['q', 'r', 'r/h'],
    ],
    [
      ['done', ''],
      ['q', 'r', 'r/h'],
    ],
    [['add-host', ''], ['h']],
    [
      ['rm-host', 'h', 'r'],
      ['r', 'r/h'],
    ],
    [['host-dist', 'r', ''], ['h']],
    [['host-dist', 'q', ''], []],
    [['-r', '/nosuch', 'done', ''], []],
    [['done', '-v', 'q', ''], [waits]],
    [['done', 'q', '_x'], []],
    [['requeue', 'q', ''], [failed.id]],
    [['requeue', '--done', 'q', ''], [done.id]],
    [['requeue', 'q', '--older', ''], []],
    [['show', '-s', 'fail', 'q', '_'], [failed.id]],
    [['mv', 'q', 'r', ''], [waits]],
    [['ls', '-s', 'd'], ['done']],
    [['ls', '--state=f'], ['--state=fail']],
    [
      ['ls', '-ls', ''],
      ['queue', 'done', 'fail', 'tmp', 'all'],
    ],
    [
      ['done', '--durability', ''],
      ['full', 'enqueue', 'none'],
    ],
    [['scan', '--max-tries', '3', 'q', ''], ['commands']],
    [['scan', 'q', 'sh', '-'], ['files']],
    [
      ['work', ''],
      ['q', 'r', 'r/h'],
    ],
    [
      ['work', '-j', '4', 'q', ''],
      ['q', 'r', 'r/h'],
    ],
    [['work', 'q', '--', ''], ['commands']],
    [['work', 'q', '--', 'sh', ''], ['files']],
    [['enqueue', '-f', ''], ['files']],
    [['done', 'nosuch', ''], []],
    [['ftpcluster', 'q'], ['queue']],
    [
      ['nats', 'd'],
      ['drain', 'dead'],
    ],
    [
      ['nats', 'dead', ''],
      ['ls', 'requeue', 'rm'],
    ],
    [['nats', 'dead', 'requeue', '--al'], ['--all']],
    [
      ['nats', 'forward', '-j', '4', ''],
      ['q', 'r', 'r/h'],
    ],
    [
      ['nats', 'receive', '--ack', ''],
      ['spooled', 'finished'],
    ],
    [['nats', 'status', '--creds', ''], ['files']],
    [['nxqueue', 'check', ''], ['files']],
    [['ftpcluster', 'import', ''], ['files']],
    [['ftpcluster', '-'], ['--help']],
    [['ftpcluster', 'queue', '--fi'], ['--files']],
    [['ftpcluster', 'queue', '--home', ''], ['files']],
    [['ftpcluster', 'nosuch', ''], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['done', '--', '-'], []],
  ]
  for (const [words, expected] of table)
    t.strictSame(await offered(here, ...words), expected, words.join(' '))
})

/** False where there is such a program; otherwise why a test is skipped. */
function lacks(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined ? false : `needs ${program}`
}

/** A script that prints, for a command line that ends at the cursor, what a shell would offer. */
const shells = {
  bash: {
    ask: `eval "$(fsq completion bash)"
      COMP_LINE=$1 COMP_POINT=\${#1}
      COMP_WORDS=(); shift; COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _fsq 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
    flags: ['--norc', '-c'],
  },
  zsh: {
    ask: `autoload -Uz compinit; compinit -u -D; source <(fsq completion zsh)
      compadd() { print -l -- $found }
      shift; words=("$@"); CURRENT=$#; _fsq`,
    flags: ['-f', '-c'],
  },
  fish: {
    ask: `fsq completion fish | source; complete -C "$argv[1]" | string replace -r '\\t.*' ''; true`,
    flags: ['--no-config', '-c'],
  },
} as const

for (const [shell, { ask, flags }] of Object.entries(shells)) {
  t.test(`${shell} completes`, { buffered: true, skip: lacks(shell) }, async (t) => {
    const here = await place(t)
    const id = await here.queue.enqueue('', ['a b', "it's"])
    const quoted = shell === 'bash' ? id.replace(/[ ']/g, '\\$&') : id
    const table: readonly [words: string[], expected: RegExp][] = [
      [['fsq', 'unt'], /^untrigger$/m],
      [['fsq', 'done', ''], /^q$/m],
      [['fsq', 'ls', '--sta'], /^--state$/m],
      [['fsq', 'ls', '-s', 'fa'], /^fail$/m],
    ]
    const complete = async (line: string, words: readonly string[]): Promise<string> => {
      const env = { ...here.env, TERM: 'dumb', HOME: here.directory }
      const argument = shell === 'fish' ? [line] : [shell, line, ...words]
      const ended = await startProgram(shell, [...flags, ask, ...argument], { env }).ended
      check(t, ended, { stdout: /^/ }, line)
      return ended.stdout
    }
    for (const [words, expected] of table)
      t.match(await complete(words.join(' '), words), expected, words.join(' '))
    const items = await complete('fsq done q _', ['fsq', 'done', 'q', '_'])
    t.ok(items.split('\n').includes(quoted), `${items} has ${quoted}`)
  })
}

t.test('bash puts together what it takes apart', { skip: lacks('bash') }, async (t) => {
  const here = await place(t)
  const id = await here.queue.enqueue('', ['a:b=c'])
  const { ask, flags } = shells.bash
  const complete = async (line: string, ...words: string[]): Promise<string> => {
    const argv = [...flags, ask, 'bash', line, ...words]
    return (await startProgram('bash', argv, { env: here.env }).ended).stdout
  }
  t.equal(await complete('fsq ls --state=f', 'fsq', 'ls', '--state', '=', 'f'), 'fail\n')
  t.equal(
    await complete('fsq ls --state=', 'fsq', 'ls', '--state', '='),
    'queue\ndone\nfail\ntmp\nall\n',
  )
  const start = id.slice(0, id.indexOf(':'))
  t.equal(await complete(`fsq done q ${start}:b`, 'fsq', 'done', 'q', start, ':', 'b'), 'b=c\n')
  t.equal(await complete(`fsq done q '_`, 'fsq', 'done', 'q', `'_`), `${id}\n`)
})

t.test('an unknown shell, or none', async (t) => {
  const { fsq } = await place(t)
  check(t, await fsq(['completion', 'tcsh']), {
    status: 100,
    stderr: /^fsq completion: Expected one of bash, zsh, fish, got "tcsh"\n/,
  })
})
