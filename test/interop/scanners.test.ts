import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { check, type Ended, type Place, place, startProgram } from '../helpers/cli.js'
import { withoutPython } from '../helpers/python.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

const scanner = fileURLToPath(new URL('scanner.py', import.meta.url))
const drain = fileURLToPath(new URL('drain.mjs', import.meta.url))

/** Enqueues so many items, a few at a time; their names, sorted. */
async function enqueueMany({ queue }: Place, count: number): Promise<string[]> {
  const ids: string[] = []
  const work = async (): Promise<void> => {
    while (count-- > 0) ids.push(await queue.enqueue('body'))
  }
  await Promise.all(Array.from({ length: 32 }, work))
  return ids.sort()
}

/** Checks that the scanners, by their logs, handled each item once and all had their share. */
function checkShares(t: Test, { directory, queue }: Place, names: string[], ids: string[]): void {
  const shares = names.map((name) =>
    readFileSync(`${directory}/${name}`, 'utf8').trim().split('\n'),
  )
  for (const [i, share] of shares.entries())
    t.ok(share[0] !== '', `${names[i]}: ${share.length} items`)
  t.strictSame(shares.flat().sort(), ids, 'each item was handled once')
  t.strictSame(contentsOf(queue), { ...nothing, done: ids })
}

t.test(
  'four scanners in Node.js and one in Python share 4,000 items',
  {
    skip: withoutPython,
  },
  async (t) => {
    const here = await place(t)
    const { directory, queue, env } = here
    const ids = await enqueueMany(here, 4000)
    t.equal(new Set(ids).size, 4000)
    const gate = `${directory}/gate`
    mkdirSync(gate)
    const names = ['node-1', 'node-2', 'node-3', 'node-4', 'python']
    const all = await Promise.all(
      names.map((name): Promise<Ended> => {
        const words = [`${directory}/${name}`, gate, String(names.length)]
        return name === 'python'
          ? startProgram('python3', [scanner, queue.path, ...words], { env }).ended
          : startProgram(process.execPath, [drain, 'q', ...words], { env }).ended
      }),
    )
    for (const ended of all) check(t, ended)
    checkShares(t, here, names, ids)
  },
)

t.test(
  'four times fsq scan and a scanner in Python share 200 items',
  {
    skip: withoutPython,
  },
  async (t) => {
    const here = await place(t)
    const { directory, queue, env, fsq } = here
    const ids = await enqueueMany(here, 200)
    const gate = `${directory}/gate`
    mkdirSync(gate)
    const names = ['fsq-1', 'fsq-2', 'fsq-3', 'fsq-4', 'python']
    const log = `echo "$2" >>${directory}/$1`
    // The first program of each scanner waits until each scanner has one.
    const first = `[ -e ${gate}/$1 ] || { : >${gate}/$1; while [ "$(ls ${gate} | wc -l)" -lt 5 ]; do sleep 0.01; done; }`
    const readBody = '[ "$(cat)" = body ] || exit 1'
    const handler = here.script('handler', [readBody, first, log].join('\n'))
    const all = await Promise.all(
      names.map((name) =>
        name === 'python'
          ? startProgram('python3', [scanner, queue.path, '/dev/null', gate, '0', handler, name], {
              env,
            }).ended
          : fsq(['scan', 'q', 'sh', '-c', 'exec "$1" "$2" "$FSQ_ITEM_ID"', 'sh', handler, name]),
      ),
    )
    for (const ended of all) check(t, ended)
    checkShares(t, here, names, ids)
  },
)
