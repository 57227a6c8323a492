import { writeFileSync } from 'node:fs'
import t from 'tap'
import { temporaryDirectory } from '../helpers/temporary.js'
import { type Call, cannotTrace, readTrace, startTraced } from './strace.js'

/** Strings as strace writes them with -xx. */
const hex = (text: string): string => Buffer.from(text).toString('hex').replace(/../g, '\\x$&')

const table: readonly [what: string, lines: readonly string[], expected: Partial<Call>[]][] = [
  [
    'a call',
    [`7  write(3<${hex('/a, b')}>, "${hex(') = 0, "x"')}", 10) = 10`],
    [{ name: 'write', thread: 7, arguments: ['3</a, b>', ') = 0, "x"', '10'], result: '10' }],
  ],
  [
    'a call without a thread',
    [`link("${hex('/a')}", "${hex('/b')}") = 0`],
    [{ name: 'link', arguments: ['/a', '/b'], result: '0' }],
  ],
  [
    'a call that another interrupts',
    [
      `7  link("${hex('/a')}", "${hex('/b')}" <unfinished ...>`,
      '8  fsync(4) = 0',
      '7  <... link resumed>)             = 0',
    ],
    [
      { name: 'link', arguments: ['/a', '/b'], result: '0', began: 0, ended: 2 },
      { name: 'fsync', arguments: ['4'], began: 1, ended: 1 },
    ],
  ],
  [
    'a call that strace answered',
    ['7  fsync(4) = -1 EIO (Input/output error) (INJECTED)'],
    [{ name: 'fsync', result: '-1 EIO (Input/output error) (INJECTED)', injected: true }],
  ],
  [
    'calls in which the program was killed',
    ['7  fsync(4 <unfinished ...>', '8  close(5) = ?', '7  +++ killed by SIGKILL +++'],
    [
      { name: 'fsync', result: '?', ended: Infinity },
      { name: 'close', result: '?', ended: Infinity },
    ],
  ],
]

for (const [what, lines, expected] of table) {
  t.test(`a trace is read: ${what}`, async (t) => {
    const log = `${temporaryDirectory(t)}/trace`
    writeFileSync(log, `${lines.join('\n')}\n`)
    const calls = readTrace(log)
    t.equal(calls.length, expected.length)
    t.match(calls, expected)
  })
}

t.test('a program is killed before the call, not after', { skip: cannotTrace() }, async (t) => {
  const directory = temporaryDirectory(t)
  const [kept, log] = [`${directory}/kept`, `${directory}/trace`]
  writeFileSync(kept, 'still here')
  const options = ['-e', 'inject=unlink,unlinkat:signal=KILL']
  const { status } = await startTraced(log, ['rm', kept], options).ended
  t.equal(status, 'SIGKILL')
  t.doesNotThrow(() => {
    writeFileSync(kept, 'it is', { flag: 'r+' })
  })
})
