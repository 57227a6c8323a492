// The TypeScript examples of the documents and of the API documentation compile and run, as a program that
// imports the package would.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { formatClusterConf } from '../lib/adapters/ftpcluster/cluster-conf.js'

const run = promisify(execFile)

/** What each example of a document prints. */
const documents = {
  'README.md': [/^to alice: Dear Alice, welcome!\n$/, /^welcome, alice@example.org\n1\n$/],
  'docs/library.md': [/^row 1\nrow 2\nFSQ_NO_ITEM\n$/, /^1970\n$/, /^500 items are in\n$/],
  'lib/index.ts': [/^\[ 'alice', 'welcome' \] a body\n$/],
  'docs/nxqueue.md': [/^\{ path: '\/films\/one.mov' \} to A00001L6 in drive0\n$/],
  'docs/opentelemetry.md': [/^to alice: Dear Alice, welcome!\n$/],
  'lib/adapters/filespooler/index.ts': [/^what is to be done\n1 job is done, 2 is next\n$/],
  'lib/adapters/ftpcluster/index.ts': [
    /^upload pub\/rfc 959.txt\nopaque mystery x\nremove 192.168.0.2:21 61\/47\/030210-033921-rfc-0959.txt\n$/,
    /^0 done, 0 wait\n$/,
  ],
  'lib/adapters/nxqueue/index.ts': [/^LTO-6 \[ 4, 5, 6 \] 2500000000000\n$/],
  'lib/opentelemetry/index.ts': [/^Dear Alice\n$/],
  'lib/testing/index.ts': [/^Dear Alice\n$/],
  'lib/remote/index.ts': [/^1 Dear Alice\n$/],
}
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))

const examples = Object.entries(documents).flatMap(([path, outputs]) => {
  const codes = examplesOf(path)
  t.equal(codes.length, outputs.length, `${path} has an expected output for each example`)
  return codes.map((code, at) => ({
    name: `${path}, ${String(at + 1)}`,
    code,
    output: outputs[at],
  }))
})

/** The code of the blocks in ts, in Markdown or in a doc comment. */
function examplesOf(path: string): string[] {
  const text = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8').replace(/^ \* ?/gm, '')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '')
}

for (const { name, code, output } of examples) {
  t.test(`the TypeScript example compiles and runs: ${name}`, async (t) => {
    // Below the package, so that `import 'fsq'` means this package.
    const directory = t.testdir({ cluster: { '.queue': {} } })
    const node = { host: 'large1', port: 21, user: 'ftp', password: 'secret' }
    await writeFile(`${directory}/cluster/.cluster.conf`, formatClusterConf([node]), {
      mode: 0o600,
    })
    await writeFile(
      `${directory}/example.mts`,
      code
        .replaceAll(/'\/(tmp\/queues|var\/spool\/app)'/g, JSON.stringify(`${directory}/queues`))
        .replaceAll("'/tmp/", `'${directory}/`),
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
    t.match(stdout, output, 'it prints what it should')
    t.equal(stderr, '')
  })
}
