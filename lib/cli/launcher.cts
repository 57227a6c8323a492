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
  const { text, changed } = readProgram(path)
  const codePath = `${name}.${process.version}-${process.arch}.code`
  const cachedData = mayKeep() ? readCode(codePath, changed) : undefined
  const script = new vm.Script(
    `(function(exports,require,module,__filename,__dirname){${text}\n})`,
    {
      filename: path,
      cachedData,
    },
  )
  if (mayKeep() && script.cachedDataRejected !== false)
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

/** Whether there may be code that suits this process: flags change it, and Node.js has a variable to turn it off. */
function mayKeep(): boolean {
  const { NODE_OPTIONS, NODE_DISABLE_COMPILE_CACHE } = process.env
  return process.execArgv.length === 0 && !NODE_OPTIONS && !NODE_DISABLE_COMPILE_CACHE
}

function readCode(path: string, changed: bigint): Buffer | undefined {
  try {
    const file = fs.readFileSync(path)
    const code = file.subarray(headerLength)
    return file.readBigUInt64LE(0) === changed && file.readUInt32LE(8) === crc32(code)
      ? code
      : undefined
  } catch {
    return undefined // There is none, or none that can be read.
  }
}

/** Keeps what V8 has compiled by now. Where that fails the next start compiles again, and nobody need know. */
function keepCode(script: vm.Script, path: string, changed: bigint): void {
  try {
    fs.accessSync(__dirname, fs.constants.W_OK)
    const code = script.createCachedData()
    const header = Buffer.alloc(headerLength)
    header.writeBigUInt64LE(changed, 0)
    header.writeUInt32LE(crc32(code), 8)
    const writeFileAtomic = require('write-file-atomic') as typeof import('write-file-atomic')
    writeFileAtomic.sync(path, Buffer.concat([header, code]), { mode: 0o644 })
  } catch {
    // A directory of somebody else, a disk that is full, a Node.js without crc32().
  }
}

/** That of Node.js, 20.15 and later. Loaded only where there is code: it takes a millisecond. */
function crc32(bytes: Buffer): number {
  const zlib = require('node:zlib') as typeof import('node:zlib')
  return zlib.crc32(bytes)
}
