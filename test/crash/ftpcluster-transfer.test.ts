import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { exportCluster } from '../../lib/adapters/ftpcluster/export.js'
import { importCluster } from '../../lib/adapters/ftpcluster/import.js'
import { program } from '../helpers/cli.js'
import { type ClusterPlace, clusterPlace } from '../helpers/ftpcluster.js'
import { entriesOf, temporaryDirectory } from '../helpers/temporary.js'
import { bound, sample } from './sample.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'

/*
 * Import and export are killed at the calls by which they change something; then they are run again. No job may
 * be missing, and none be there that was not; after an import none twice.
 */

const skip = cannotTrace()

/** The calls that change something, or make a change last. */
const changes = ['link', 'unlink', 'rename', 'renameat2', 'fsync', 'mkdir', 'write', 'utimensat']

const files = {
  'uploads-030210-033921-c0de.q': 'upload a root 1 1\nupload b root 1 1\n\nmystery x\n',
  'store-1': 'store c root 1 1 n:21\nreplicate d 1 1\nstore e',
}
const jobs = [
  ...['upload a root 1 1', 'upload b root 1 1', 'mystery x', 'store c root 1 1 n:21'],
  ...['replicate d 1 1', 'remove n:21 x', 'remove m:21 y'],
].map((line) => `${line}\n`)

interface Operation {
  /** What is there before. */
  readonly prepare: (t: Test, directory: string) => Promise<ClusterPlace>
  /** Goes on where it was killed, and looks at what is there then. */
  readonly judge: (t: Test, place: ClusterPlace, title: string) => Promise<void>
}

const operations: Readonly<Record<'import' | 'export', Operation>> = {
  import: {
    prepare: async (t, directory) => {
      const place = clusterPlace(t, files, directory)
      place.write('.deleted/x', 'x 1 root 1\nserver n:21 x\nserver m:21 y\n')
      return place
    },
    judge: async (t, place, title) => {
      await importCluster(place.root, place.home)
      t.strictSame(itemsIn(place), [...jobs].sort(), `${title}: each job is an item, once`)
      t.strictSame(linesIn(place), ['store e'], `${title}: the rest is in a file, once`)
      t.strictSame(entriesOf(`${place.home}/.deleted`), [], title)
      t.strictSame(entriesOf(place.home), ['.deleted', '.queue'], `${title}: and no lock`)
    },
  },
  export: {
    prepare: async (t, directory) => {
      const place = await operations.import.prepare(t, directory)
      await importCluster(place.root, place.home)
      return place
    },
    judge: async (t, place, title) => {
      await exportCluster(place.root, place.home)
      t.strictSame(itemsIn(place), [], `${title}: no item is left`)
      const lines = linesIn(place)
      const expected = [...jobs, 'store e'].sort()
      t.strictSame([...new Set(lines)], expected, `${title}: each job is a line, and no other`)
      t.ok(
        place.files().every((name) => !name.startsWith('.')),
        `${title}: nothing hidden is left`,
      )
      t.strictSame(entriesOf(place.home), ['.deleted', '.queue'], `${title}: and no lock`)
    },
  },
}

function itemsIn(place: ClusterPlace): string[] {
  const queues = entriesOf(`${place.directory}/root`).filter((name) => name.startsWith('ftpc-'))
  return queues.flatMap((queue) => place.bodies(queue)).sort()
}

function linesIn(place: ClusterPlace): string[] {
  const texts = place.files().map((name) => readFileSync(`${place.home}/.queue/${name}`, 'utf8'))
  return texts.flatMap((text) => text.match(/.+\n|.+$/g) ?? []).sort()
}

/** Runs an operation under strace, with what is to happen to it. */
async function run(
  operation: string,
  { directory, home }: ClusterPlace,
  options?: string[],
): Promise<string | number> {
  const words = [program, '-r', `${directory}/root`, 'ftpcluster', operation, home]
  const { ended } = startTraced(`${directory}/trace`, [process.execPath, ...words], options)
  return (await ended).status
}

for (const [name, { prepare, judge }] of Object.entries(operations))
  t.test(`a cluster ${name} that is killed at any call`, { skip }, async (t) => {
    const whole = await prepare(t, temporaryDirectory(t))
    t.equal(await run(name, whole), 0)
    const [first, ...rest] = readTrace(`${whole.directory}/trace`)
    const main = [first, ...rest].filter((call) => call?.thread === first?.thread)
    await judge(t, whole, 'not killed')
    const counts = new Map<string, number>()
    const kills: { call: string; when: number }[] = []
    for (const call of main) {
      if (call === undefined || !changes.includes(call.name)) continue
      const when = (counts.get(call.name) ?? 0) + 1
      counts.set(call.name, when)
      const isOwn = [...call.arguments].some((word) => word.includes(whole.directory))
      if (isOwn) kills.push({ call: call.name, when })
    }
    t.ok(kills.length > 20, `there are ${kills.length} calls`)
    let hit = 0
    for (const { call, when } of sample(kills, bound(8), name)) {
      const place = await prepare(t, temporaryDirectory(t))
      const status = await run(name, place, ['-e', `inject=${call}:signal=KILL:when=${when}`])
      if (status === 'SIGKILL') hit++
      await judge(t, place, `killed at ${call} ${when}`)
    }
    t.ok(hit > 0, `${hit} were killed`)
  })
