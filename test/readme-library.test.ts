// The TypeScript examples of README compile and run, as a program that imports the package would.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '')
const outputs = [
  /^to alice: Dear Alice, welcome!\n$/,
  /^row 1\nrow 2\nFSQ_NO_ITEM\n$/,
  /^500 items are in\n$/,
  /^welcome, alice@example.org\n1\n$/,
]
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))

t.equal(blocks.length, outputs.length, 'README has an expected output for each example')

for (const [number, code] of blocks.entries()) {
  t.test(`the TypeScript example ${String(number + 1)} of README compiles and runs`, async (t) => {
    // Below the package, so that `import 'fsq'` means this package.
    const directory = t.testdir()
    await writeFile(
      `${directory}/example.mts`,
      code.replaceAll("'/tmp/queues'", JSON.stringify(`${directory}/queues`)),
    )
    const flags = [
      '--ignoreConfig',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--types',
      'node',
    ]
    const types = ['--skipLibCheck', '--rootDir', directory, `${directory}/example.mts`]
    await t.resolves(run(process.execPath, [tsc, ...flags, ...types]), 'it compiles')
    const { stdout, stderr } = await run(process.execPath, [`${directory}/example.mjs`])
    t.match(stdout, outputs[number], 'it prints what it should')
    t.equal(stderr, '')
  })
}
