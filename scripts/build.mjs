// Builds dist/ afresh, so that no output of a source that is gone stays in the package: the library,
// compiled file by file, and the program, as two files and what starts them, since to find and read a hundred
// small ones takes longer than to enqueue an item. The new dist/ takes the place of the old one only when it
// is whole: a program that runs keeps running.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

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
 * The commands of a work-item, which scripts call for each. To read the program takes longer than to enqueue
 * an item, so they are in a file without the others; the code of every other command is in the second file,
 * which has all, but runs only when the command is called.
 */
const everyday = ['install', 'uninstall', 'enqueue', 'scan', 'done', 'fail', 'retry']

/** Bundles the program into two files of CommonJS, which Node.js loads faster than ES modules, and what starts them. */
async function bundleProgram() {
  const { metafile } = await bundle('fsq-all.cjs', [lazyBuiltins])
  await bundle('fsq-everyday.cjs', [lazyBuiltins, everydayOnly])
  await build({
    ...forNode,
    entryPoints: ['lib/cli/launcher.cts'],
    outfile: `${fresh}/cli/fsq.cjs`,
    define: { everyday: JSON.stringify(everyday) },
  })
  chmodSync(`${fresh}/cli/fsq.cjs`, 0o755)
  writeNotices(Object.keys(metafile.inputs))
}

const forNode = { absWorkingDir: top, platform: 'node', format: 'cjs', target: 'node20.9' }

async function bundle(file, plugins) {
  return build({
    ...forNode,
    entryPoints: ['lib/cli/fsq.ts'],
    outfile: `${fresh}/cli/${file}`,
    bundle: true,
    charset: 'ascii', // As the launcher reads it.
    supported: { 'dynamic-import': false }, // So that import() becomes require(), too.
    minifyWhitespace: true,
    minifySyntax: true,
    // Loaded from node_modules when they are needed: a binary, half a megabyte of tables, what only a
    // pattern uses, what reads inventories, and the clients of NATS, which are installed only where somebody wants them.
    external: ['koffi', 'iconv-lite', 'picomatch', 'yaml', '@nats-io/*'],
    plugins,
    define: { 'import.meta.url': 'here.url' },
    banner: {
      js: `const load = require, here = { get url() { return load('node:url').pathToFileURL(__filename).href } };`,
    },
    metafile: true,
  })
}

/**
 * Leaves out the other commands, and what is there to find them. Those that are left are imported as a file
 * begins: what is loaded later, and all that it needs, is put into functions, which are read once more when they run.
 */
const everydayOnly = {
  name: 'everyday commands only',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/(external|complete)\.js$/ }, ({ path }) => ({
      path,
      namespace: 'elsewhere',
    }))
    onLoad({ filter: /.*/, namespace: 'elsewhere' }, ({ path }) => ({
      contents: `throw new Error('${path} is in another file')`,
    }))
    onLoad({ filter: /\/cli\/commands\.ts$/ }, () => ({
      contents: [
        ...everyday.map((name) => `import * as ${name} from './commands/${name}.js'`),
        'const load = (command) => ({ load: () => Promise.resolve(command) })',
        `export const commands = { ${everyday.map((name) => `${name}: load(${name})`).join()} }`,
        'export const withoutAlias = (words) => words',
      ].join('\n'),
    }))
  },
}

/**
 * Parts of Node.js that take a millisecond or more to load, and that most commands import but do not
 * use: they are loaded when something in them is used. What a module exports is copied for each that imports it,
 * but what it inherits is not.
 */
const lazyBuiltins = {
  name: 'lazy builtins',
  setup({ onResolve, onLoad }) {
    const slow =
      /^node:(child_process|crypto|http|https|module|net|os|stream|timers\/promises|tls|tty|worker_threads)$/
    onResolve({ filter: slow }, ({ path }) => ({ path, namespace: 'lazy' }))
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => {
      const get = `get: (target, name) => load('${path}')[name]`
      return { contents: `module.exports = Object.create(new Proxy({}, { ${get} }))` }
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
