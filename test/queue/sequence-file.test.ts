import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { getNative } from '../../lib/posix/native.js'
import {
  lastInSequence,
  nextInSequence,
  readSequence,
  SequenceFile,
} from '../../lib/queue/sequence-file.js'
import { cannotTrace } from '../crash/strace.js'
import { forEachOf, startProgram } from '../helpers/cli.js'
import { fspl, noFspl } from '../helpers/fspl.js'
import { isFree } from '../helpers/lock.js'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, temporaryDirectory, underUmask } from '../helpers/temporary.js'

function temporaryPath(t: Test): string {
  return `${temporaryDirectory(t)}/next`
}

async function readLocked(path: string): Promise<bigint> {
  const lock = await new SequenceFile(path).lock()
  try {
    return await lock.read()
  } finally {
    lock.close()
  }
}

/** The number of the job that fspl makes with the next number of the sequence. */
async function prepare(path: string): Promise<{ status: number | string; number: bigint }> {
  const { status, bytes } = await fspl(['prepare', '-s', path])
  if (status !== 0) return { status, number: -1n }
  const { stdout } = await fspl(['stdin-info'], { input: bytes })
  return { status, number: BigInt(/FSPL_SEQ=(\d+)/.exec(stdout)?.[1] ?? -1) }
}

t.test('a sequence begins with 1, and each number is handed out once', async (t) => {
  const path = temporaryPath(t)
  const sequence = new SequenceFile(path)
  t.equal(await sequence.allocate(), 1n)
  t.equal(await sequence.allocate(), 2n)
  t.equal(await sequence.allocate(10), 3n)
  t.equal(await sequence.allocate(), 13n)
  t.equal(readFileSync(path, 'utf8'), '14\n')
  t.strictSame(entriesOf(dirname(path)), ['next', 'next.lock'])
})

t.test('after the last number comes 0', async (t) => {
  const path = temporaryPath(t)
  writeFileSync(path, `${lastInSequence}\n`)
  const sequence = new SequenceFile(path)
  t.equal(await sequence.allocate(3), lastInSequence)
  t.equal(await sequence.allocate(), 2n)
  t.equal(nextInSequence(lastInSequence), 0n)
})

const accepted: [text: string, number: bigint][] = [
  ['5', 5n],
  [' 5 \n', 5n],
  ['5\n6\n', 5n],
  ['5\r\n', 5n],
  ['+5\n', 5n],
  ['007\n', 7n],
  ['0', 0n],
  ['\v5\f\n', 5n],
  ['\u00a05\u2003\u0085\n', 5n],
  ['5\n\xff', 5n],
  [`${'0'.repeat(40)}5\n`, 5n],
  ['18446744073709551615', lastInSequence],
]

const refused = [
  ...['', 'abc', '-1', '0x5', '\n5\n', '18446744073709551616', '+', '+ 5', '++5', '5 6', '5\r6'],
  ...['\ufeff5', '\u200b5', '5\0', '\xff5', '5.0', '1e3', '٣'],
]

/** As bytes: \\xff is that byte, which is no text. */
function bytesOf(text: string): Buffer {
  return text.includes('\xff') ? Buffer.from(text, 'latin1') : Buffer.from(text)
}

t.test('a sequence file is read as fspl reads it', async (t) => {
  const path = temporaryPath(t)
  for (const [text, number] of accepted) {
    writeFileSync(path, bytesOf(text))
    t.equal(readSequence(path), number, JSON.stringify(text))
    t.equal(await new SequenceFile(path).allocate(), number)
    t.equal(readFileSync(path, 'utf8'), `${nextInSequence(number)}\n`)
  }
  for (const text of refused) {
    writeFileSync(path, bytesOf(text))
    t.throws(() => readSequence(path), { code: 'FSQ_SEQUENCE', path }, JSON.stringify(text))
    await t.rejects(new SequenceFile(path).allocate(), { code: 'FSQ_SEQUENCE' })
    t.strictSame(readFileSync(path), bytesOf(text), 'it is left as it is')
    t.ok(isFree(`${path}.lock`))
  }
})

t.test('fspl takes, and refuses, the same files', { skip: noFspl }, async (t) => {
  const path = temporaryPath(t)
  for (const [text, number] of accepted) {
    writeFileSync(path, bytesOf(text))
    t.equal((await fspl(['prepare-get-next', '-s', path])).stdout, `${number}\n`)
  }
  for (const text of refused) {
    writeFileSync(path, bytesOf(text))
    t.equal((await fspl(['prepare-get-next', '-s', path])).status, 1, JSON.stringify(text))
  }
})

t.test('what is no sequence file is neither read nor waited for', async (t) => {
  const path = temporaryPath(t)
  const refuse = async (what: string): Promise<void> => {
    await t.rejects(new SequenceFile(path).allocate(), { code: 'FSQ_SEQUENCE', path }, what)
    rmSync(path, { recursive: true })
  }
  mkdirSync(path)
  await refuse('a directory')
  symlinkSync('/etc/hostname', path)
  await refuse('a link')
  writeFileSync(path, '0'.repeat(100_000) + '5')
  await refuse('a large file')
  getNative().mkfifo(path, 0o600)
  await refuse('a FIFO')
})

t.test(
  'a missing file is made with 1, and a missing lock file unless it must be there',
  async (t) => {
    const path = temporaryPath(t)
    const sequence = new SequenceFile(path)
    await t.rejects(sequence.lock({ create: false }), { code: 'FSQ_SEQUENCE', errno: 'ENOENT' })
    t.strictSame(entriesOf(dirname(path)), [])
    writeFileSync(`${path}.lock`, '')
    const lock = await sequence.lock({ create: false })
    t.equal(await lock.read(), 1n)
    t.equal(readFileSync(path, 'utf8'), '1\n')
    await lock.write(7n)
    t.equal(await lock.read(), 7n)
    lock.close()
    lock.close()
    await t.rejects(lock.write(8n), TypeError)
    await t.rejects(new SequenceFile('/no/such/next').lock(), { code: 'FSQ_SEQUENCE' })
  },
)

t.test('the files have 0666 less the umask, or the mode that is asked for', async (t) => {
  for (const [mode, made] of [
    [undefined, '640'],
    [0o664, '664'],
  ] as const) {
    const path = temporaryPath(t)
    const ownership = mode && { uid: undefined, gid: undefined, mode }
    await underUmask(0o027, () => new SequenceFile(path, { ownership }).allocate())
    t.equal(modeOf(path), made)
    t.equal(modeOf(`${path}.lock`), made)
  }
})

t.test('who cannot have the lock waits for it, for as long as it says', async (t) => {
  const path = temporaryPath(t)
  const sequence = new SequenceFile(path)
  const first = await sequence.lock()
  await t.rejects(sequence.lock({ wait: 0 }), { code: 'FSQ_LOCKED', path })
  await t.rejects(sequence.lock({ wait: 0.05 }), { code: 'FSQ_LOCKED', path })
  const second = sequence.lock()
  const ended = new AbortController()
  const third = sequence.lock({ signal: ended.signal })
  ended.abort(new Error('enough'))
  await t.rejects(third, { message: 'enough' })
  first.close()
  const lock = await second
  t.notOk(isFree(`${path}.lock`))
  lock.close()
  t.ok(isFree(`${path}.lock`))
  await t.rejects(sequence.lock({ wait: -1 }), TypeError)
  await t.rejects(sequence.allocate(0), TypeError)
})

t.test('a lock file that is put in place of a locked one is waited for', async (t) => {
  const path = temporaryPath(t)
  const sequence = new SequenceFile(path)
  const first = await sequence.lock()
  rmSync(`${path}.lock`)
  const second = await sequence.lock()
  await t.rejects(sequence.lock({ wait: 0 }), { code: 'FSQ_LOCKED' })
  first.close()
  await t.rejects(sequence.lock({ wait: 0 }), { code: 'FSQ_LOCKED' })
  second.close()
})

t.test('fspl and we exclude each other', { skip: noFspl }, async (t) => {
  const path = temporaryPath(t)
  const lock = await new SequenceFile(path).lock()
  t.match(await fspl(['prepare-get-next', '-s', path]), { status: 1, stderr: /os error 11/ })
  t.match(await fspl(['prepare', '-s', path]), { status: 1 })
  lock.close()
  t.match(await fspl(['prepare-get-next', '-s', path]), { status: 0, stdout: '1\n' })
  t.equal(await readLocked(path), 1n)
})

t.test('each goes on with the numbers of the other', { skip: noFspl }, async (t) => {
  const path = temporaryPath(t)
  const sequence = new SequenceFile(path)
  t.equal((await prepare(path)).number, 1n)
  t.equal(await sequence.allocate(), 2n)
  t.equal((await prepare(path)).number, 3n)
  await fspl(['prepare-set-next', '-s', path, '70'])
  t.equal(await sequence.allocate(5), 70n)
  t.equal((await fspl(['prepare-get-next', '-s', path])).stdout, '75\n')
  await fspl(['prepare-set-next', '-s', path, String(lastInSequence)])
  t.equal(await sequence.allocate(), lastInSequence)
  t.equal((await prepare(path)).number, 0n)
})

t.test('a hundred at once and fspl among them: all numbers differ', { skip: noFspl }, async (t) => {
  const path = temporaryPath(t)
  const ours = Array.from({ length: 100 }, () => new SequenceFile(path).allocate())
  const theirs = Array.from({ length: 20 }, () => prepare(path))
  const numbers = [
    ...(await Promise.all(ours)),
    ...(await Promise.all(theirs)).filter(({ status }) => status === 0).map((job) => job.number),
  ]
  t.equal(new Set(numbers).size, numbers.length)
  t.equal(readFileSync(path, 'utf8'), `${numbers.length + 1}\n`)
})

t.test('other processes take numbers at the same time', async (t) => {
  const path = temporaryPath(t)
  const program = fileURLToPath(new URL('allocate.mjs', import.meta.url))
  const words = [program, path, '25']
  const all = Array.from({ length: 4 }, () => startProgram(process.execPath, words).ended)
  const numbers = (await Promise.all(all)).flatMap(({ stdout }) => stdout.trim().split('\n'))
  t.equal(new Set(numbers).size, 100)
  t.equal(readFileSync(path, 'utf8'), '101\n')
})

/** The calls that change something, and those before which the lock is had, and is not had any more. */
const calls = ['openat', 'flock', 'unlink', 'write', 'fsync', 'rename', 'close']

t.test(
  'killed before any call, it leaves what the next goes on with',
  { skip: cannotTrace() },
  async (t) => {
    const program = fileURLToPath(new URL('allocate.mjs', import.meta.url))
    const killed: string[] = []
    await forEachOf(calls, async (call) => {
      for (let when = 1; ; when++) {
        const path = temporaryPath(t)
        const told = await new SequenceFile(path).allocate()
        const watched = [path, `${path}.lock`, `${path}.temp`, dirname(path)]
        const files = watched.flatMap((each) => ['-P', each])
        const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${when}`]
        const words = [...files, ...inject, process.execPath, program, path, '2']
        const { status, stdout } = await startProgram('strace', ['-f', '-o', '/dev/null', ...words])
          .ended
        const last = stdout === '' ? told : BigInt(stdout.trim().split('\n').at(-1) ?? '')
        const next = await new SequenceFile(path).allocate()
        t.ok(next === last + 1n || next === last + 2n, `${call} ${when}: ${last}, then ${next}`)
        if (noFspl === false) t.equal((await prepare(path)).number, next + 1n)
        t.strictSame(entriesOf(dirname(path)), ['next', 'next.lock'])
        if (status === 0) break
        killed.push(call)
      }
    })
    t.strictSame([...new Set(killed)].sort(), calls.toSorted(), 'each was hit')
  },
)
