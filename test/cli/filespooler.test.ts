import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { openFilespooler } from '../../lib/adapters/filespooler/queue.js'
import { check, type Place, place, startProgram } from '../helpers/cli.js'
import { noFspl } from '../helpers/fspl.js'
import { fill, nameOf, rawHeader } from '../helpers/spool.js'
import { entriesOf } from '../helpers/temporary.js'

t.jobs = 2

/*
 * What a shell script prints with fspl(1) and with ours: the same, but for what is different each time. After
 * each command stands its exit status; what is on stderr is in the words of each.
 */

const sender = `
for i in 1 2 3; do
  echo payload $i | FSPL_SET_A=b$i $fspl prepare -s s -i - -- a$i "b c" | $fspl queue-write -q q
done
$fspl prepare-fail -s s | $fspl queue-write -q q
$fspl prepare-nop -s s | $fspl queue-write -q q`

const scripts: Record<string, string> = {
  'a queue is made, and not twice': `
    $fspl queue-init -q q; echo $?; find q; $fspl queue-init -q q; echo $?; $fspl queue-init -q no/q; echo $?
    $fspl queue-init --append-only -q a; echo $?; find a; $fspl queue-process -q a true; echo $?`,
  'senders have numbers': `
    $fspl prepare-get-next -s s; cat s; $fspl prepare-set-next -s s 41; echo $?; $fspl prepare -s s >j; cat s
    $fspl prepare-nop --seqfile=s >j; $fspl prepare-fail -s s >j; $fspl prepare-get-next -s s
    echo abc >s; $fspl prepare -s s; echo $?; $fspl prepare-set-next -s s abc; echo $?
    echo 18446744073709551615 >s; $fspl prepare -s s >j; cat s; ls; $fspl prepare -s - | wc -c`,
  'jobs are listed and looked at': `
    $fspl queue-init -q q; ${sender}
    $fspl queue-ls -q q; $fspl queue-info -q q -j 2; $fspl queue-info -q q --job 4; $fspl queue-payload -q q -j 3
    $fspl queue-payload -q q -j 4; echo $?; $fspl queue-info -q q -j 77; echo $?
    for f in q/jobs/*; do gzip $f; mv $f.gz $f; done; $fspl queue-ls -q q; $fspl queue-ls -q q -d zcat
    $fspl queue-payload -q q -j 1 --decoder 'gzip -d'; $fspl queue-ls -q none; echo $?`,
  'jobs are run': `
    $fspl queue-init -q q; ${sender}; $fspl queue-get-next -q q
    $fspl queue-process -q q -n 0 true; echo $?; $fspl queue-process -q q -n 1 sh -- -c 'cat; echo $0 $@'; echo $?
    $fspl queue-process --allow-job-params -q q sh --maxjobs=1 -- -c 'cat; echo $0 $@; env | grep ^FSPL | sort'; echo $?
    $fspl queue-process -q q cat; echo $?; $fspl queue-get-next -q q; $fspl queue-ls -q q
    $fspl queue-process -q q --on-error leave cat; echo $?; $fspl queue-ls -q q; $fspl queue-get-next -q q
    $fspl queue-set-next -q q 4; $fspl queue-process -q q --on-error DELETE cat; echo $?; ls q/jobs`,
  'jobs are run by their times': `
    $fspl queue-init -q q; ${sender}; rm q/nextseq
    $fspl queue-process -q q --order-by timestamp --never-delete --on-error Leave cat; echo $?; $fspl queue-ls -q q
    $fspl queue-process -q q --order-by Timestamp cat; echo $?; $fspl queue-ls -q q; $fspl queue-get-next -q q`,
  'output is saved': `
    $fspl queue-init -q q; ${sender}
    $fspl queue-process -q q --output-to saveboth -n 1 sh -- -c 'cat; echo err >&2'; cat q/jobs/*.out; ls q/jobs | wc -l`,
  'a job comes through a pipe': `
    echo hello | FSPL_SET_X='a b' $fspl prepare -s - -i - -- p >j; $fspl stdin-info <j; $fspl stdin-payload <j
    $fspl stdin-process cat <j; echo $?; cat j | $fspl stdin-process --allow-job-params echo -- x; echo $?
    $fspl stdin-process false <j; echo $?; $fspl stdin-process /nonexistent <j; echo $?
    $fspl stdin-process --timeout 1 sleep -- 20 <j; echo $?
    $fspl prepare-nop -s - | $fspl stdin-process false; echo $?; $fspl prepare-fail -s - | $fspl stdin-process true; echo $?
    $fspl stdin-info </dev/null; echo $?; echo x | $fspl stdin-payload; echo $?`,
  'what is wrong is bad usage': `
    $fspl bogus; echo $?; $fspl queue-ls; echo $?; $fspl queue-ls -q q extra; echo $?; $fspl queue-process -q q; echo $?
    $fspl queue-process -q q -n 1.5 true; echo $?; $fspl queue-process -q q --on-error x true; echo $?
    $fspl queue-process -q q --order-by x true; echo $?; $fspl queue-process -q q --output-to x true; echo $?
    $fspl queue-info -q q -j x; echo $?; $fspl -l bogus queue-ls -q q; echo $?; $fspl prepare; echo $?
    $fspl queue-process -q q true a b; echo $?`,
  'a lock is not waited for': `
    $fspl queue-init -q q
    flock q/nextseq.lock $fspl queue-get-next -q q; echo $?; flock q/nextseq.lock $fspl queue-set-next -q q 7; echo $?
    flock q/nextseq.lock $fspl queue-process -q q true; echo $?; flock q/nextseq.lock $fspl queue-ls -q q; echo $?`,
  'names are made': `
    $fspl gen-uuid | tr 0-9a-f x; $fspl gen-filename | tr 0-9a-f x`,
}

/** Without what is different each time: names, times, and the time until which a job was made. */
function settle(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, 'TIME')
    .replace(/(?<=^FSPL_CTIME_(SECS|NANOS)=)\d+/gm, 'N')
}

for (const [what, script] of Object.entries(scripts))
  t.test(`as with fspl: ${what}`, { buffered: true, skip: noFspl }, async (t) => {
    const { directory, env } = await place(t)
    const run = async (fspl: string, name: string): Promise<string> => {
      const words = ['-c', `mkdir ${name} && cd ${name} && exec 2>/dev/null; ${script}`]
      const options = { cwd: directory, env: { ...env, fspl, TZ: 'America/New_York' } }
      const { stdout } = await startProgram('bash', words, options).ended
      return settle(stdout)
    }
    const [theirs, ours] = await Promise.all([run('fspl', 'theirs'), run('fsq fspl', 'ours')])
    t.not(theirs, '', 'there is something to compare')
    t.equal(ours, theirs)
  })

/** A place with a queue of Filespooler in it, with jobs of these numbers. */
async function spoolPlace(t: Test, ...sequences: number[]): Promise<Place & { spool: string }> {
  const there = await place(t)
  const spool = `${there.directory}/spool`
  check(t, await there.fsq(['fspl', 'queue-init', '-q', spool]), {})
  await fill(openFilespooler(spool), ...sequences)
  return { ...there, spool }
}

t.test('whoever asks for the lock of a sender waits for it', async (t) => {
  const { start, directory } = await spoolPlace(t)
  const seqfile = `${directory}/s`
  const holder = startProgram('flock', [`${seqfile}.lock`, 'sh', '-c', 'echo held; read line'], {
    input: { later: true },
  })
  await holder.line()
  const waiting = start(['fspl', 'prepare-get-next', '-s', seqfile])
  check(t, await start(['fspl', 'prepare-get-next', '-s', seqfile, '--wait', '0']).ended, {
    status: 1,
    stderr: /^fsq filespooler prepare-get-next: somebody else has locked /,
  })
  holder.end()
  check(t, await waiting.ended, { stdout: '1\n' })
})

t.test('a command whose processor is killed keeps the lock for as long as it lives', async (t) => {
  const { start, fsq, spool } = await spoolPlace(t, 1, 2)
  const processor = start([
    'fspl',
    'queue-process',
    '-q',
    spool,
    'sh',
    '--',
    '-c',
    'echo $$; exec sleep 60',
  ])
  const pid = Number(await processor.line())
  processor.kill('SIGKILL')
  await processor.exited
  const again = ['fspl', 'queue-process', '-q', spool, 'true']
  check(t, await fsq(again), { status: 1, stderr: /somebody else has locked/ })
  process.kill(pid, 'SIGKILL')
  check(t, await fsq([...again, '--wait', '20']), {})
  t.strictSame(entriesOf(`${spool}/jobs`), [])
})

t.test('a signal is handed on, and the program dies of it once its command has', async (t) => {
  for (const timeout of [[], ['--timeout', '50']]) {
    const { start, fsq, spool } = await spoolPlace(t, 1)
    const script =
      'sleep 60 >/dev/null 2>&1 & trap "kill $!; echo asked; exit 7" TERM; echo begun; wait'
    const words = ['fspl', 'queue-process', ...timeout, '-q', spool, 'sh', '--', '-c', script]
    const processor = start(words)
    t.equal(await processor.line(), 'begun')
    processor.kill('SIGTERM')
    t.equal(await processor.line(), 'asked')
    await processor.exited
    processor.kill('SIGKILL')
    check(t, await fsq(['fspl', 'queue-get-next', '-q', spool]), { stdout: '1\n' })
    t.strictSame(entriesOf(`${spool}/jobs`), [nameOf(1)])
  }
})

t.test('files that are no jobs, or unsafe ones, are reported and moved aside', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 1)
  const nul = rawHeader({ parameters: [Buffer.from('a\0b')] })
  writeFileSync(`${spool}/jobs/fspl-nul.fspl`, nul)
  writeFileSync(`${spool}/jobs/fspl-\x1b[31m.fspl`, 'nothing')
  check(t, await fsq(['fspl', 'queue-ls', '-q', spool]), {
    stdout: /^ID .*\n1 .*\n$/,
    stderr: /^fsq filespooler queue-ls: warn: fspl-nul.fspl is not safe to run: .* NUL .*\n$/,
  })
  const debug = await fsq(['fspl', '-l', 'debug', 'queue-ls', '-q', spool])
  t.match(debug.stderr, /debug: fspl-\\x1b\[31m.fspl is passed over/)
  check(t, await fsq(['fspl', 'queue-check', '-q', spool]), {
    status: 1,
    stdout: /^fspl-(nul|\\x1b\[31m)\.fspl: .*\nfspl-(nul|\\x1b\[31m)\.fspl: .*\n$/,
  })
  const { stdout } = await fsq(['fspl', 'queue-check', '-q', spool, '--json', '--reject'])
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string })
  t.strictSame(found.map(({ kind }) => kind).sort(), ['undecodable', 'unsafe'])
  check(t, await fsq(['fspl', 'queue-check', '-q', spool]), {})
  t.equal(entriesOf(`${spool}/rejected`).length, 2)
})

t.test('each file that is moved aside is told, and what came since is not', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 1)
  const jobs = `${spool}/jobs`
  writeFileSync(`${jobs}/fspl-old.fspl`, 'nothing')
  // What comes while the first files are read.
  const decoder = `[ -e ${spool}/came ] || echo nothing | tee ${spool}/came >${jobs}/fspl-new.fspl; cat`
  check(t, await fsq(['fspl', 'queue-check', '-q', spool, '--reject', '-d', decoder]), {
    status: 1,
    stdout: /^fspl-old.fspl: undecodable: .* \(moved\)\nfspl-new.fspl: undecodable: .*[^)]\n$/,
  })
  t.strictSame(entriesOf(`${spool}/rejected`), ['fspl-old.fspl'])
})

t.test('a job that is refused takes no number', async (t) => {
  const { fsq, directory } = await spoolPlace(t)
  const words = ['fspl', 'prepare', '-s', `${directory}/s`, '--']
  check(t, await fsq([...words, 'x'.repeat(131_065)]), {
    status: 1,
    stderr: /no such job may be made: parameter 1 is longer than a program can be given\n$/,
  })
  check(t, await fsq(['fspl', 'prepare-get-next', '-s', `${directory}/s`]), { stdout: '1\n' })
})

t.test('jobs that failed are kept where they can be run again', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 1, 2)
  const words = ['fspl', 'queue-process', '-q', spool, '--on-error', 'Deadletter']
  check(t, await fsq([...words, '-n', '1', 'false']), {
    stderr: /job 1 \(fspl-1.fspl\): false exited with 1\n$/,
  })
  t.strictSame(entriesOf(`${spool}/fail`), [nameOf(1)])
  check(t, await fsq([...words, 'true']), {})
  t.ok(existsSync(`${spool}/fail/${nameOf(1)}`))
})

t.test('who waits for a job that is missing says so', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 2)
  check(t, await fsq(['fspl', 'queue-process', '-q', spool, 'true']), {
    stderr: /info: job 1 is missing; those behind it wait\n$/,
  })
})

t.test('the group has its own flags, its licence, and an alias', async (t) => {
  const { fsq } = await place(t)
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  check(t, await fsq(['filespooler', '-V']), { stdout: `fsq ${version}\n` })
  check(t, await fsq(['fspl', 'show-license']), { stdout: /^BSD 3-Clause License\n/ })
  check(t, await fsq(['help', 'fspl', 'queue-ls']), { stdout: /^Usage: fsq filespooler queue-ls / })
})

t.test('a decoder that cannot be run makes no file a file that is no job', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 1)
  const env = { SHELL: '/no/such/shell' }
  const words = ['fspl', 'queue-check', '-q', spool, '-d', 'cat', '--reject']
  check(t, await fsq(words, { env }), {
    status: 1,
    stdout:
      /^fspl-1.fspl: unreadable: cannot run the decoder: there is no shell \/no\/such\/shell\n$/,
  })
  t.strictSame(entriesOf(`${spool}/jobs`), [nameOf(1)])
})

t.test('a queue that is not there is named, though there is nothing to carry', async (t) => {
  const { fsq, spool } = await spoolPlace(t, 0)
  const table: readonly [words: string[], stderr: RegExp][] = [
    [['import', '-q', spool, 'nosuch'], /no such queue: nosuch/],
    [['import', '-q', 'nope', 'q'], /nope/],
    [['export', '-q', spool, '-s', 'seq', 'nosuch'], /no such queue: nosuch/],
    [['export', '-q', 'nope', '-s', 'seq', 'q'], /nope has no directory jobs; .*queue-init/],
  ]
  await fsq(['install', 'q'])
  for (const [words, stderr] of table)
    check(t, await fsq(['fspl', ...words]), { status: 1, stderr }, words.join(' '))
})

t.test('help tells of a command, as -h does', async (t) => {
  const { fsq } = await spoolPlace(t, 0)
  t.same(await fsq(['fspl', 'help']), await fsq(['fspl', '-h']))
  const said = await fsq(['fspl', 'help', 'queue-ls'])
  check(t, said, { stdout: /^Usage: fsq filespooler queue-ls / })
  t.same(said, await fsq(['fspl', 'queue-ls', '-h']))
  check(t, await fsq(['fspl', 'help', 'nosuch']), {
    status: 2,
    stderr: /command not found: nosuch/,
  })
})
