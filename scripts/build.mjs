// Builds dist/ afresh, so that no output of a source that is gone stays in the package: the library,
// compiled file by file, and the program, as two files, since to find and read a hundred small ones
// takes longer than to enqueue an item. The new dist/ takes the place of the old one only when it is
// whole: a program that runs keeps running.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const top = fileURLToPath(new URL('..', import.meta.url))
const dist = `${top}dist`
const fresh = `${dist}.new-${process.pid}`
const old = `${dist}.old-${process.pid}`

/** Compiles the library, with its types. */
function compileLibrary() {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
  const { status } = spawnSync(
    process.execPath,
    [tsc, '-p', `${top}tsconfig.build.json`, '--outDir', fresh],
    { stdio: 'inherit' },
  )
  if (status !== 0) throw new Error(`tsc failed: ${status}`)
}

/** The form of inventories, for editors: they find it by its path. */
async function writeSchema() {
  const { inventorySchema } = await import(`${fresh}/adapters/nxqueue/inventory-schema.js`)
  const text = JSON.stringify(inventorySchema, undefined, 2)
  writeFileSync(`${fresh}/nxqueue-inventory.schema.json`, `${text}\n`)
}

/**
 * Commands that bring much with them, other systems' formats and protocols above all. To read them takes
 * longer than to enqueue an item, so they are in a file of their own, with all else that a program needs.
 */
const apart = ['nats', 'nxqueue', 'ftpcluster', 'filespooler', 'jsonrpcd', 'completion']

/**
 * Bundles the program into one file of CommonJS, which Node.js loads faster than ES modules, and into a second
 * one for calls in which the name of a command apart is, or might be. The code of each command is in it, but
 * runs only when the command is called.
 */
async function bundleProgram() {
  const words = JSON.stringify([...apart, 'fspl'])
  const isApart = `${words}.some((word) => process.argv.includes(word))`
  const { metafile } = await bundle('fsq-all.cjs', [lazyBuiltins])
  await bundle(
    'fsq.cjs',
    [lazyBuiltins, withoutApart],
    `if (${isApart}) return void require('./fsq-all.cjs');`,
  )
  chmodSync(`${fresh}/cli/fsq.cjs`, 0o755)
  writeNotices(Object.keys(metafile.inputs))
}

async function bundle(file, plugins, first = '') {
  return build({
    absWorkingDir: top,
    entryPoints: ['lib/cli/fsq.ts'],
    outfile: `${fresh}/cli/${file}`,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.9',
    supported: { 'dynamic-import': false }, // So that import() becomes require(), too.
    minifyWhitespace: true,
    minifySyntax: true,
    // Loaded from node_modules when they are needed: a binary, half a megabyte of tables, what only a
    // pattern uses, what reads inventories, and the clients of NATS, which are installed only where somebody wants them.
    external: ['koffi', 'iconv-lite', 'picomatch', 'yaml', '@nats-io/*'],
    plugins,
    define: { 'import.meta.url': 'here' },
    banner: {
      js: `${first}const load = require, here = require('node:url').pathToFileURL(__filename).href;`,
    },
    metafile: true,
  })
}

/** Leaves out the commands apart, which the program does not come to. */
const withoutApart = {
  name: 'without commands apart',
  setup({ onResolve, onLoad }) {
    const modules = new RegExp(`^\\./commands/(${apart.join('|')})\\.js$`)
    onResolve({ filter: modules }, ({ path }) => ({ path, namespace: 'apart' }))
    onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
      contents: `throw new Error('${path} is in another file')`,
    }))
  },
}

/**
 * Parts of Node.js that take a millisecond or more to load, and that most commands import but do not
 * use: they are loaded when something in them is used.
 */
const lazyBuiltins = {
  name: 'lazy builtins',
  setup({ onResolve, onLoad }) {
    const slow = /^node:(child_process|crypto|http|https|net|os|stream|timers\/promises|tls|tty)$/
    onResolve({ filter: slow }, ({ path }) => ({ path, namespace: 'lazy' }))
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => {
      const names = Object.keys(require(path)).filter((name) => /^\w+$/.test(name))
      const getters = names.map((name) => `get ${name}() { return load('${path}').${name} }`)
      return { contents: `module.exports = { ${getters.join()} }` }
    })
  },
}

/** The licences of the packages whose code is in the bundle: they ask for it. */
function writeNotices(inputs) {
  const packages = new Set(
    inputs.flatMap((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  )
  const notices = [...packages].sort().map((name) => {
    const directory = `${top}node_modules/${name}`
    const { version, license } = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'))
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license.md', 'License']
      .map((candidate) => `${directory}/${candidate}`)
      .find((candidate) => existsSync(candidate))
    const text = file === undefined ? '' : `\n${readFileSync(file, 'utf8').trim()}\n`
    return `${name} ${version}, ${license}\n${text}`
  })
  const heading = 'The program contains code of these packages.\n'
  writeFileSync(`${fresh}/cli/LICENSES.txt`, [heading, ...notices].join('\n'))
}

try {
  compileLibrary()
  await writeSchema()
  await bundleProgram()
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true })
}
