// The start of the benchmark: `npm run bench [-- --rounds N --items N --dir DIR --out FILE]`.
//
// Every case runs once a round, the cases of a round one after the other, so that what else the
// machine does hits them alike; the table gives the median and the spread of the rounds. Each round
// has a queue of its own and nothing is removed between rounds: some file systems make a file ten
// times as slowly for minutes after many were removed.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import writeFileAtomic from 'write-file-atomic'
import { openRoot } from '../dist/index.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    items: { type: 'string', default: '500' },
    dir: { type: 'string', default: tmpdir() },
    out: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const items = Number(values.items)
const program = fileURLToPath(new URL('../dist/cli/fsq.cjs', import.meta.url))
const directory = mkdtempSync(join(values.dir, 'fsq-bench-'))
const root = openRoot({ root: directory, maxTries: 1 })
const body = Buffer.alloc(1024, 'x')

/** Each case measures one round, in a queue of its own, and gives its figure. */
const cases = [
  { name: 'start-up: node -e 0', unit: 'ms', floor: true, run: () => start(['-e', '0']) },
  {
    name: 'start-up: fsq enqueue -e q x',
    unit: 'ms',
    run: (queue) => start([program, '-r', directory, 'enqueue', '-e', queue.name, 'x']),
  },
  {
    name: 'enqueue 1 KiB, one after another',
    unit: 'items/s',
    run: (queue) =>
      rate(items, async () => {
        for (let i = 0; i < items; i++) await queue.enqueue(body, ['bench'])
      }),
  },
  {
    name: 'enqueue 1 KiB, 64 in flight',
    unit: 'items/s',
    run: (queue) =>
      rate(items, async () => {
        let left = items
        const producer = async () => {
          while (left-- > 0) await queue.enqueue(body, ['bench'])
        }
        await Promise.all(Array.from({ length: 64 }, producer))
      }),
  },
  {
    name: 'scan and done, one worker',
    unit: 'items/s',
    prepare: (queue) => fill(queue, items),
    run: (queue) =>
      rate(items, async () => {
        for await (const item of queue.scan()) await item.done()
      }),
  },
  {
    name: 'fsq scan q /bin/true',
    unit: 'items/s',
    prepare: (queue) => fill(queue, 100),
    run: (queue) =>
      rate(100, () => {
        execFileSync(process.execPath, [program, '-r', directory, 'scan', queue.name, '/bin/true'])
      }),
  },
]

async function fill(queue, count) {
  await Promise.all(Array.from({ length: count }, () => queue.enqueue(body, ['bench'])))
}

async function rate(count, work) {
  const began = performance.now()
  await work()
  return (count / (performance.now() - began)) * 1000
}

/** The time that a process takes from start to end, the best of three: the rest is noise. */
function start(args) {
  const times = [1, 2, 3].map(() => {
    const began = performance.now()
    const { status, stderr } = spawnSync(process.execPath, args)
    if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}: ${stderr}`)
    return performance.now() - began
  })
  return Math.min(...times)
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const figures = new Map(cases.map(({ name }) => [name, []]))
try {
  for (let round = 0; round < rounds; round++) {
    for (const [number, each] of cases.entries()) {
      const queue = await root.install(`round-${round}-case-${number}`)
      await each.prepare?.(queue)
      figures.get(each.name).push(await each.run(queue))
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}

const fileSystem = execFileSync('stat', ['-f', '-c', '%T', values.dir]).toString().trim()
const machine = {
  node: process.version,
  kernel: `${process.platform} ${release()}`,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  fileSystem: `${values.dir} (${fileSystem})`,
  rounds,
  items,
}
const floor = median(figures.get(cases[0].name))
console.log(
  Object.entries(machine)
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n'),
)
console.log(
  `\n${'case'.padEnd(36)}${'median'.padStart(9)}${'lowest'.padStart(9)}${'highest'.padStart(9)}`,
)
for (const { name, unit } of cases) {
  const all = figures.get(name)
  const numbers = [median(all), Math.min(...all), Math.max(...all)]
  const columns = numbers.map((number) => number.toFixed(unit === 'ms' ? 1 : 0).padStart(9))
  const ratio = unit === 'ms' ? `, ${(median(all) / floor).toFixed(2)} x node -e 0` : ''
  console.log(`${name.padEnd(36)}${columns.join('')}  ${unit}${ratio}`)
}
if (values.out !== undefined) {
  const results = { machine, figures: Object.fromEntries(figures) }
  await writeFileAtomic(values.out, `${JSON.stringify(results, null, 2)}\n`)
}
