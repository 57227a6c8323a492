// Installs the packed package into an empty project and uses it there, as its users will: the program
// runs, the library works, the types resolve, and nothing is in it that it does not need.
//
// node scripts/pack-test.mjs [NODE...]: the versions of Node.js to run it with; default: this one.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import assert from 'node:assert/strict'

const top = fileURLToPath(new URL('..', import.meta.url))
const nodes = process.argv.length > 2 ? process.argv.slice(2) : [process.execPath]
const temporary = mkdtempSync(join(tmpdir(), 'fsq-pack-'))
const consumer = `import { openRoot, type Item, type Outcome, FsqError } from 'fsq'
import { encodeHeader, initFilespooler } from 'fsq/filespooler'
import { parseJob, processCluster } from 'fsq/ftpcluster'
import { inventorySchema, readInventory } from 'fsq/nxqueue'
import { createServer, openRemote, push } from 'fsq/remote'
import { assertItem, drain, temporaryRoot } from 'fsq/testing'

const fsq = openRoot()
const mail = await fsq.install('mail')
await mail.enqueue('Dear Alice', ['alice', 'welcome'])
const outcomes: Outcome[] = []
async function deliver(item: Item): Promise<Outcome> {
  console.log(\`\${item.arguments.join(' ')}: \${await item.text()}\`)
  return item.done()
}
{
  await using scan = mail.scan()
  for await (const item of scan) outcomes.push(await deliver(item))
}
console.log(outcomes[0]?.state)
const error: unknown = await mail.claim('gone').catch((reason: unknown) => reason)
if (!(error instanceof FsqError) || error.code !== 'FSQ_NO_ITEM') throw new Error('no FsqError')
// @ts-expect-error: what is no code cannot be compared with one
if (error.code === 'FSQ_NONSENSE') throw new Error()
{
  using root = temporaryRoot()
  const queue = await root.install('q')
  await queue.enqueue('body', ['x'])
  await drain(queue, (item: Item) => item.failPerm())
  await assertItem(queue, 'fail', { arguments: ['x'], body: 'body' })
  const inbox = await root.install('inbox')
  await using server = createServer(root)
  await using remote = openRemote(await server.listen({ host: '127.0.0.1', port: 0 }))
  using item = await queue.claim(await queue.enqueue('body', ['y']))
  await push(item, remote, 'inbox')
  await assertItem(inbox, 'queue', { arguments: ['y'], body: 'body' })
}
const job = parseJob(Buffer.from('upload a.txt root 1 2'))
if (job.type !== 'upload' || job.filename !== 'a.txt') throw new Error('no job')
const { servers } = await readInventory('inventory.yaml')
if (servers[0]?.name !== 'no' || inventorySchema.type !== 'object') throw new Error('no inventory')
const spooled = encodeHeader({ type: 'nop', sequence: 1n, created: { seconds: 0n, nanoseconds: 0 } })
if (spooled.length !== 58) throw new Error('no job of Filespooler')
`

const telemetry = `import { openRoot, type Queue } from 'fsq'
import { instrument } from 'fsq/opentelemetry'

const queue: Queue = await openRoot().install('traced')
await queue.enqueue('a body')
const worker = instrument(queue).work(async (item) => console.log(await item.text()))
worker.once('done', () => void worker.stop())
console.log((await worker.ended).done)
`

/** Nobody listens there; but what is spoken there is installed. */
const nats = `import { FsqError } from 'fsq'
import { natsStatus, openJetStream, type JetStream } from 'fsq/jetstream'

const jetStream: JetStream = openJetStream({ servers: 'nats://127.0.0.1:1' })
await natsStatus(jetStream, []).catch((error: unknown) => {
  if (error instanceof FsqError) console.log(error.code)
})
await jetStream.close()
`

const run = (command, args, options = {}) =>
  execFileSync(command, args, { encoding: 'utf8', cwd: temporary, stdio: 'pipe', ...options })

try {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', temporary], { cwd: top }),
  )
  const files = packed.files.map(({ path }) => path)
  const foreign = files.filter(
    (path) =>
      !/^(dist\/.*\.(c?js|d\.c?ts)|dist\/cli\/LICENSES\.txt|dist\/nxqueue-inventory\.schema\.json|man\/.*\.[157]|README\.md|LICENSE|CHANGELOG\.md|package\.json|CONTRIBUTING\.md|docs\/[a-z-]+\.md|bench\/[A-Za-z-]+\.md|examples\/.*)$/.test(
        path,
      ),
  )
  assert.deepEqual(foreign, [], 'the package holds only what it needs')
  const { man } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'))
  for (const page of man) assert.ok(files.includes(page.replace(/^\.\//, '')), `${page} is packed`)

  for (const path of files.filter((each) => each.endsWith('.md')))
    for (const [, link] of readFileSync(join(top, path), 'utf8').matchAll(
      /\]\((?!\w+:|#)([^)#]+)/g,
    ))
      assert.ok(
        files.includes(join(dirname(path), link)),
        `${path} links to ${link}, which is packed`,
      )

  const project = join(temporary, 'project')
  mkdirSync(project)
  writeFileSync(
    join(project, 'package.json'),
    '{ "name": "consumer", "private": true, "type": "module" }\n',
  )
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', join(temporary, packed.filename)],
    { cwd: project },
  )
  const installed = sizeOf(join(project, 'node_modules'))
  const dependencies = installed - sizeOf(join(project, 'node_modules', 'fsq'))
  assert.ok(dependencies < 10e6, `dependencies have ${dependencies} bytes, less than 10 MB`)

  const withoutApi =
    "await import('fsq/opentelemetry').catch(({ message }) => console.log(message))"
  const refused = run(process.execPath, ['--input-type=module', '-e', withoutApi], { cwd: project })
  assert.match(refused, /npm install @opentelemetry\/api\n$/, 'the peer is not installed')
  const program = join(project, 'node_modules/.bin/fsq')
  assert.match(
    natsStatus(program, { cwd: project }),
    /npm install @nats-io\/transport-node@\S+ .*\n$/,
  )
  const { devDependencies } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'))
  const peers = Object.entries(devDependencies)
    .filter(([name]) => name === '@opentelemetry/api' || name.startsWith('@nats-io/'))
    .map(([name, version]) => `${name}@${version}`)
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...peers], { cwd: project })

  writeFileSync(join(project, 'consumer.ts'), consumer)
  writeFileSync(join(project, 'inventory.yaml'), 'servers: [{ name: no }]\n')
  writeFileSync(join(project, 'telemetry.ts'), telemetry)
  writeFileSync(join(project, 'nats.ts'), nats)
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
  const types = join(top, 'node_modules/@types')
  const flags = [
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--typeRoots',
    types,
    '--types',
    'node',
  ]
  run(
    process.execPath,
    [tsc, ...flags, '--outDir', 'out', 'consumer.ts', 'telemetry.ts', 'nats.ts'],
    {
      cwd: project,
    },
  )

  for (const node of nodes) {
    const env = {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      FSQ_ROOT: join(temporary, `queues-${nodes.indexOf(node)}`),
    }
    const inProject = { cwd: project, env }
    const fsq = join(project, 'node_modules/.bin/fsq')
    run(fsq, ['install', '-t', 'q'], inProject)
    run(fsq, ['enqueue', 'q', 'a b', 'c/d'], { ...inProject, input: 'body' })
    assert.equal(
      run(fsq, ['scan', 'q', 'sh', '-c', 'echo "$1-$2-$(cat)"', 'sh'], inProject),
      'a b-c/d-body\n',
    )
    assert.match(run(fsq, ['ls', '-l', '--state', 'done', 'q'], inProject), /c\/d/)
    assert.equal(run(node, ['out/consumer.js'], inProject), 'alice welcome: Dear Alice\ndone\n')
    assert.equal(run(node, ['out/telemetry.js'], inProject), 'a body\n1\n')
    assert.equal(run(node, ['out/nats.js'], inProject), 'FSQ_NATS\n')
    assert.match(natsStatus(fsq, inProject), /cannot reach NATS at .*: connection refused\n$/)
    run(fsq, ['uninstall', 'q'], inProject)
    assert.ok(!existsSync(join(env.FSQ_ROOT, 'q')))
    console.log(`ok: the packed package works with Node.js ${run(node, ['--version']).trim()}`)
  }
  console.log(
    `ok: ${files.length} files, ${(packed.size / 1024).toFixed(0)} KiB packed, ${(installed / 1e6).toFixed(1)} MB installed, ${(dependencies / 1e6).toFixed(1)} MB of them dependencies`,
  )
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

/** What `fsq nats` says, which fails. */
function natsStatus(fsq, options) {
  try {
    run(fsq, ['nats', 'status', '--server', 'nats://127.0.0.1:1'], options)
  } catch ({ status, stderr }) {
    assert.equal(status, 111)
    return stderr
  }
  throw new Error('fsq nats status says nothing')
}

function sizeOf(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}
