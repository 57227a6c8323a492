#!/usr/bin/env node
/*
 * Starts the program. To compile its text takes longer than to enqueue an item, so the code that V8 made of
 * it is kept in a file beside it, and is taken at the next start.
 *
 * Code is done as it stands, so it is taken only where
 *
 *   the file belongs to root or to the owner of the program, and nobody else may write to it: who could
 *   make such code could as well change the program
 *   the text was not changed since: V8 compares no more than its length
 *   its CRC-32 is right: V8 does not look, and a damaged file would kill each start
 *   V8 is of the same version and has the same flags, to which V8 sees itself
 *
 * Otherwise the text is compiled as ever, and by root or the owner of the program the code is kept, where there
 * is nothing, or code that is of no use: anything else in its place stays, and is not followed.
 */
// eslint-disable-next-line no-restricted-imports -- what reads the program cannot be in it
import fs = require('node:fs')
import vm = require('node:vm')

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

/** The commands that the smaller file has, by scripts/build.mjs. */
declare const everyday: readonly string[]

/** In a file of code: the ctime of the text in nanoseconds, 8 bytes, the CRC-32 of the code, 4, and none. */
const headerLength = 16

/** No code is larger, in bytes: something else may be. */
const mostCode = 16 * 1024 * 1024

/** The text of the program, whose it is, and when it was last changed. */
interface Program {
  readonly text: string
  readonly uid: bigint
  readonly changed: bigint
}

const [, , command = ''] = process.argv
start(`${__dirname}/${everyday.includes(command) ? 'fsq-everyday' : 'fsq-all'}`)

function start(name: string): void {
  const path = `${name}.cjs`
  const codePath = `${name}.${process.version}-${process.arch}.code`
  const program = readProgram(path)
  const kept = isPlainNode() ? readCode(codePath, program) : 'other'
  const cachedData = typeof kept === 'string' ? undefined : kept
  const wrapped = `(function(exports,require,module,__filename,__dirname){${program.text}\n})`
  const script = new vm.Script(wrapped, { filename: path, cachedData })
  if (kept !== 'other' && script.cachedDataRejected !== false)
    process.once('exit', () => {
      keepCode(script, codePath, program)
    })
  const run = script.runInThisContext() as (...inModule: unknown[]) => void
  run(exports, require, module, path, __dirname)
}

/** All by one open file: another may get the name meanwhile. */
function readProgram(path: string): Program {
  const fd = fs.openSync(path, 'r')
  try {
    const { uid, ctimeNs: changed } = fs.fstatSync(fd, { bigint: true })
    return { text: fs.readFileSync(fd, 'latin1'), uid, changed } // It is ASCII: esbuild sees to it.
  } finally {
    fs.closeSync(fd)
  }
}

/** Whether code is kept and used: not with flags, which change it, nor where Node.js is told to keep none. */
function isPlainNode(): boolean {
  const { NODE_OPTIONS, NODE_DISABLE_COMPILE_CACHE } = process.env
  return process.execArgv.length === 0 && !NODE_OPTIONS && !NODE_DISABLE_COMPILE_CACHE
}

/** The code that is kept of the program; `none`, which may be replaced; or what is `other` than code. */
function readCode(path: string, { uid, changed }: Program): Buffer | 'none' | 'other' {
  let fd: number
  try {
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'other'
  }
  try {
    const stat = fs.fstatSync(fd, { bigint: true })
    if (!stat.isFile()) return 'other'
    const isTrusted = (stat.uid === 0n || stat.uid === uid) && (stat.mode & 0o022n) === 0n
    if (!isTrusted || stat.size < headerLength || stat.size > mostCode) return 'none'
    const file = fs.readFileSync(fd)
    const code = file.subarray(headerLength)
    if (file.readBigUInt64LE(0) !== changed) return 'none'
    return file.readUInt32LE(8) === loadZlib().crc32(code) ? code : 'none'
  } catch {
    return 'none'
  } finally {
    fs.closeSync(fd)
  }
}

/** Keeps what V8 has compiled by now. Where that fails the next start compiles again, and nobody need know. */
function keepCode(script: vm.Script, path: string, { uid, changed }: Program): void {
  try {
    const self = process.geteuid?.()
    if (self !== 0 && self !== Number(uid)) return
    fs.accessSync(__dirname, fs.constants.W_OK)
    const zlib = loadZlib()
    if (!('crc32' in zlib)) return // Node.js has it since 20.15.
    const code = script.createCachedData()
    const header = Buffer.alloc(headerLength)
    header.writeBigUInt64LE(changed, 0)
    header.writeUInt32LE(zlib.crc32(code), 8)
    replace(path, Buffer.concat([header, code]))
  } catch {
    // A file system that is read-only, a disk that is full.
  }
}

/** Not by write-file-atomic, which follows links, and takes a write that was cut short for a whole one. */
function replace(path: string, bytes: Buffer): void {
  const temporary = `${path}.${process.pid}`
  const fd = fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644)
  try {
    fs.fchmodSync(fd, 0o644)
    if (fs.writeSync(fd, bytes) < bytes.length) throw new Error('there is no more room')
    fs.fsyncSync(fd)
    fs.renameSync(temporary, path)
  } catch (error) {
    fs.unlinkSync(temporary)
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** Only where there is code to look at: it takes a millisecond. */
function loadZlib(): typeof import('node:zlib') {
  return require('node:zlib') as typeof import('node:zlib')
}
