import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import t, { type Test } from 'tap'
import { cannotBeNobody, nobody, program } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const skip = !('crc32' in zlib) && 'this Node.js has no zlib.crc32()'

/** The launcher before a program of one line, which writes a word. */
class Launched {
  readonly directory: string
  readonly #program: string
  readonly #launcher: string

  constructor(t: Test, word: string) {
    this.directory = `${temporaryDirectory(t)}/cli`
    mkdirSync(this.directory)
    chmodSync(dirname(this.directory), 0o755)
    this.#launcher = `${this.directory}/fsq.cjs`
    this.#program = `${this.directory}/fsq-all.cjs`
    copyFileSync(program, this.#launcher)
    this.write(word)
  }

  write(word: string): void {
    writeFileSync(this.#program, `process.stdout.write('${word}')`)
  }

  /** What it writes. */
  run({ uid, ...options }: RunOptions = {}): string {
    const { status, stdout, stderr } = spawnSync('env', this.#words(options), {
      encoding: 'utf8',
      ...(uid === undefined ? {} : { uid }),
    })
    return status === 0 ? stdout : `${status}: ${stderr}`
  }

  async runLater(): Promise<string> {
    const { stdout } = await promisify(execFile)('env', this.#words())
    return stdout
  }

  /** Words for env(1), since tap gives every Node.js that a test starts variables of its own. */
  #words({ variables = [], through = [], flags = [] }: RunOptions = {}): string[] {
    const node = [process.execPath, ...flags, this.#launcher, '--version']
    return ['-i', ...variables, ...through, ...node]
  }

  /** The files of code. */
  get codes(): string[] {
    return readdirSync(this.directory).filter((name) => name.startsWith('fsq-all.v'))
  }

  get codePath(): string {
    return `${this.directory}/fsq-all.${process.version}-${process.arch}.code`
  }

  /** Has the code that is there be that of the text that is there. */
  pretendCurrent(): void {
    const code = readFileSync(this.codePath)
    code.writeBigUInt64LE(statSync(this.#program, { bigint: true }).ctimeNs, 0)
    writeFileSync(this.codePath, code)
  }
}

interface RunOptions {
  /** A program that runs another, with its words. */
  readonly through?: readonly string[]
  readonly variables?: readonly string[]
  readonly flags?: readonly string[]
  readonly uid?: number
}

t.test('the code that a start made is what the next one runs', { skip }, async (t) => {
  const launched = new Launched(t, 'one')
  t.equal(launched.run(), 'one')
  launched.write('two')
  launched.pretendCurrent()
  t.equal(launched.run(), 'one', 'not the text, which is as long')
})

t.test('code of a text that was changed since is not run, but made anew', { skip }, async (t) => {
  const launched = new Launched(t, 'one')
  launched.run()
  launched.write('two')
  t.equal(launched.run(), 'two')
  launched.write('six')
  launched.pretendCurrent()
  t.equal(launched.run(), 'two', 'the code that was made anew')
})

const damages: readonly (readonly [what: string, damage: (code: Buffer) => Buffer])[] = [
  ['a byte of it', (code) => changed(code, code.length >> 1)],
  ['its last byte', (code) => changed(code, code.length - 1)],
  ['its sum', (code) => changed(code, 8)],
  ['its end, cut off', (code) => code.subarray(0, code.length >> 1)],
  ['all but its head', (code) => code.subarray(0, 16)],
  ['part of its head', (code) => code.subarray(0, 5)],
  ['all of it', () => Buffer.alloc(0)],
]

function changed(code: Buffer, at: number): Buffer {
  const copy = Buffer.from(code)
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at)
  return copy
}

for (const [what, damage] of damages) {
  t.test(`code that is damaged is not run, but made anew: ${what}`, { skip }, async (t) => {
    const launched = new Launched(t, 'one')
    launched.run()
    const damaged = damage(readFileSync(launched.codePath))
    writeFileSync(launched.codePath, damaged)
    t.equal(launched.run(), 'one')
    t.not(readFileSync(launched.codePath).compare(damaged), 0)
  })
}

const without: readonly (readonly [what: string, options: RunOptions])[] = [
  ['flags of Node.js', { flags: ['--stack-size=900'] }],
  ['flags of Node.js in a variable', { variables: ['NODE_OPTIONS=--max-old-space-size=500'] }],
  ['the variable of Node.js against it', { variables: ['NODE_DISABLE_COMPILE_CACHE=1'] }],
]

for (const [what, options] of without) {
  t.test(`with ${what} code is neither made nor run`, { skip }, async (t) => {
    const launched = new Launched(t, 'one')
    t.equal(launched.run(options), 'one')
    t.strictSame(launched.codes, [])
    launched.run()
    launched.write('two')
    launched.pretendCurrent()
    t.equal(launched.run(options), 'two')
  })
}

const asNobody = skip || (await cannotBeNobody())

t.test(
  'who may not write beside the program starts it nevertheless',
  { skip: asNobody },
  async (t) => {
    const launched = new Launched(t, 'one')
    t.equal(launched.run({ uid: nobody }), 'one')
    t.strictSame(launched.codes, [])
  },
)

t.test('who may not write there runs the code that others made', { skip: asNobody }, async (t) => {
  const launched = new Launched(t, 'one')
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  launched.run()
  launched.write('two')
  launched.pretendCurrent()
  t.equal(launched.run({ uid: nobody }), 'one')
})

const others: readonly (readonly [what: string, make: (path: string, other: string) => void])[] = [
  [
    'a link to a file',
    (path, other) => {
      symlinkSync(other, path)
    },
  ],
  [
    'a link to nothing',
    (path) => {
      symlinkSync('nowhere', path)
    },
  ],
  [
    'a directory',
    (path) => {
      mkdirSync(path)
    },
  ],
  [
    'a FIFO',
    (path) => {
      execFileSync('mkfifo', [path])
    },
  ],
]

for (const [what, make] of others) {
  t.test(`${what} in the place of code is let alone`, { skip }, async (t) => {
    const launched = new Launched(t, 'one')
    const other = `${launched.directory}/other`
    writeFileSync(other, 'mine')
    make(launched.codePath, other)
    const before = lstatSync(launched.codePath, { bigint: true })
    t.equal(launched.run(), 'one')
    t.equal(lstatSync(launched.codePath, { bigint: true }).ino, before.ino)
    t.equal(readFileSync(other, 'utf8'), 'mine')
    t.equal(launched.codes.length, 1)
  })
}

t.test('a file that is much too large for code is not read, but replaced', { skip }, async (t) => {
  const launched = new Launched(t, 'one')
  writeFileSync(launched.codePath, '')
  truncateSync(launched.codePath, 2 ** 40)
  t.equal(launched.run(), 'one')
  t.ok(statSync(launched.codePath).size < 2 ** 20)
})

const untrusted: readonly (readonly [what: string, make: (path: string) => void])[] = [
  [
    'belongs to somebody else',
    (path) => {
      chownSync(path, nobody, nobody)
    },
  ],
  [
    'may be written to by its group',
    (path) => {
      chmodSync(path, 0o664)
    },
  ],
  [
    'may be written to by all',
    (path) => {
      chmodSync(path, 0o646)
    },
  ],
]

for (const [what, make] of untrusted) {
  t.test(`code that ${what} is not run, but made anew`, { skip: asNobody }, async (t) => {
    const launched = new Launched(t, 'one')
    launched.run()
    launched.write('two')
    launched.pretendCurrent()
    make(launched.codePath)
    t.equal(launched.run(), 'two')
    t.match(statSync(launched.codePath), { uid: 0, mode: 0o100644 })
  })
}

t.test(
  'who does not own the program makes no code, even where he may',
  { skip: asNobody },
  async (t) => {
    const launched = new Launched(t, 'one')
    chmodSync(launched.directory, 0o777)
    t.equal(launched.run({ uid: nobody }), 'one')
    t.strictSame(launched.codes, [])
  },
)

t.test('who owns the program makes code', { skip: asNobody }, async (t) => {
  const launched = new Launched(t, 'one')
  for (const path of [launched.directory, `${launched.directory}/fsq-all.cjs`])
    chownSync(path, nobody, nobody)
  t.equal(launched.run({ uid: nobody }), 'one')
  t.match(statSync(launched.codePath), { uid: nobody, mode: 0o100644 })
})

t.test('code of which only a part can be written leaves nothing', { skip }, async (t) => {
  const launched = new Launched(t, 'one')
  t.equal(launched.run({ through: ['prlimit', '--fsize=200'] }), 'one')
  t.strictSame(readdirSync(launched.directory), ['fsq-all.cjs', 'fsq.cjs'])
})

t.test(
  'many that start first at the same time leave one file, which is whole',
  { skip },
  async (t) => {
    const launched = new Launched(t, 'one')
    const outputs = await Promise.all(Array.from({ length: 8 }, async () => launched.runLater()))
    t.strictSame(new Set(outputs), new Set(['one']))
    t.strictSame(launched.codes, [basename(launched.codePath)])
    launched.write('two')
    launched.pretendCurrent()
    t.equal(launched.run(), 'one')
  },
)
