#!/usr/bin/env node
/*
 * Starts the program. To compile its text takes longer than to enqueue an item, so the code that V8 made of
 * it is kept in a file beside it, and is taken at the next start.
 *
 * Code is done as it stands. So it is where the program is and nowhere else: nobody can write there who
 * could not write the program. And it is taken only where
 *
 *   the text was not changed since: V8 compares no more than its length
 *   its CRC-32 is right: V8 does not look, and a damaged file would kill each start
 *   V8 is of the same version and has the same flags, to which V8 sees itself
 *
 * In all other cases, and where nobody can write beside the program, it is compiled as ever.
 */
// eslint-disable-next-line no-restricted-imports -- what reads the program cannot be in it
import fs = require('node:fs')
import vm = require('node:vm')

/** The commands that the smaller file has, by scripts/build.mjs. */
declare const everyday: readonly string[]

/** In a file of code: the ctime of the text in nanoseconds, 8 bytes, the CRC-32 of the code, 4, and none. */
const headerLength = 16

const [, , command = ''] = process.argv
start(`${__dirname}/${everyday.includes(command) ? 'fsq-everyday' : 'fsq-all'}`)

function start(name: string): void {
  const path = `${name}.cjs`
  const codePath = `${name}.${process.version}-${process.arch}.code`
  const { text, changed } = readProgram(path)
  const isPlain = isPlainNode()
  const cachedData = isPlain ? readCode(codePath, changed) : undefined
  const wrapped = `(function(exports,require,module,__filename,__dirname){${text}\n})`
  const script = new vm.Script(wrapped, { filename: path, cachedData })
  if (isPlain && script.cachedDataRejected !== false)
    process.once('exit', () => {
      keepCode(script, codePath, changed)
    })
  const run = script.runInThisContext() as (...inModule: unknown[]) => void
  run(exports, require, module, path, __dirname)
}

/** The text of the program, and when the file was last changed, as of one open file: it may be replaced meanwhile. */
function readProgram(path: string): { text: string; changed: bigint } {
  const fd = fs.openSync(path, 'r')
  try {
    const { ctimeNs: changed } = fs.fstatSync(fd, { bigint: true })
    return { text: fs.readFileSync(fd, 'latin1'), changed } // It is ASCII: esbuild sees to it.
  } finally {
    fs.closeSync(fd)
  }
}

/** Whether code is kept and used: not with flags, which change it, nor where Node.js is told to keep none. */
function isPlainNode(): boolean {
  const { NODE_OPTIONS, NODE_DISABLE_COMPILE_CACHE } = process.env
  return process.execArgv.length === 0 && !NODE_OPTIONS && !NODE_DISABLE_COMPILE_CACHE
}

/** The code that is kept of a text that was changed at that time, if it is whole. */
function readCode(path: string, changed: bigint): Buffer | undefined {
  try {
    const file = fs.readFileSync(path)
    const code = file.subarray(headerLength)
    if (file.readBigUInt64LE(0) !== changed) return undefined
    return file.readUInt32LE(8) === loadZlib().crc32(code) ? code : undefined
  } catch {
    return undefined // There is none, or none that can be read.
  }
}

/** Keeps what V8 has compiled by now. Where that fails the next start compiles again, and nobody need know. */
function keepCode(script: vm.Script, path: string, changed: bigint): void {
  try {
    fs.accessSync(__dirname, fs.constants.W_OK)
    const zlib = loadZlib()
    if (!('crc32' in zlib)) return // Node.js has it since 20.15.
    const code = script.createCachedData()
    const header = Buffer.alloc(headerLength)
    header.writeBigUInt64LE(changed, 0)
    header.writeUInt32LE(zlib.crc32(code), 8)
    const writeFileAtomic = require('write-file-atomic') as typeof import('write-file-atomic')
    writeFileAtomic.sync(path, Buffer.concat([header, code]), { mode: 0o644 })
  } catch {
    // The directory of somebody else, or a disk that is full.
  }
}

/** Only where there is code to look at: it takes a millisecond. */
function loadZlib(): typeof import('node:zlib') {
  return require('node:zlib') as typeof import('node:zlib')
}
