import { hostname } from 'node:os'
import t from 'tap'
import { nulSeparated, type Place, place } from '../helpers/cli.js'

t.jobs = 4

/** The environment of a program that scan runs, by env(1), which adds nothing to it. */
async function environmentIn(
  { fsq }: Place,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const { status, stdout } = await fsq(['scan', '-D', ...flags, 'q', 'env', '-0'], { env })
  if (status !== 0) throw new Error(`scan ended with ${status}`)
  const pairs = nulSeparated(stdout).map((pair): [string, string] => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

/** What every program of a test gets. */
function outer({ env }: Place): Record<string, string> {
  return { HOME: process.env['HOME'] ?? '/', LC_ALL: 'C.UTF-8', ...env }
}

/** Values that something between the environment and the program could spoil. */
const extra = { EMPTY: '', EQUALS: 'a=b', LINES: 'a\nb\n', TEXT: 'ü 漢', FSQ_ITEMS: 'no item' }

t.test(
  'the program gets our environment and FSQ_ITEM_*, no more',
  { buffered: true },
  async (t) => {
    const here = await place(t)
    const id = await here.queue.enqueue('', [], { entropy: 7 })
    const [, timestamp, , pid] = id.split('_')
    const item = {
      FSQ_ITEM_ID: id,
      FSQ_ITEM_ENTROPY: '7',
      FSQ_ITEM_PID: pid,
      FSQ_ITEM_HOSTNAME: hostname(),
      FSQ_ITEM_TRIES: '0',
      FSQ_ITEM_ENQUEUED_AT: timestamp,
    }
    for (const flags of [[], ['-E', '--env']]) {
      const seen = await environmentIn(here, flags, extra)
      t.strictSame(seen, { ...outer(here), ...extra, ...item }, flags.join(' '))
    }
  },
)

t.test('-E adds nothing', { buffered: true }, async (t) => {
  const here = await place(t)
  await here.queue.enqueue('')
  for (const flags of [['-E'], ['-e', '--no-env']])
    t.strictSame(
      await environmentIn(here, flags, extra),
      { ...outer(here), ...extra },
      flags.join(' '),
    )
})

t.test('what is said of the item of an outer scan is replaced', { buffered: true }, async (t) => {
  const here = await place(t)
  const id = await here.queue.enqueue('')
  const seen = await environmentIn(here, [], {
    FSQ_ITEM_ID: 'outer',
    FSQ_ITEM_TRIES: '9',
    FSQ_ITEM_HOST: 'outer',
  })
  t.match(seen, { FSQ_ITEM_ID: id, FSQ_ITEM_TRIES: '0' })
  t.notOk('FSQ_ITEM_HOST' in seen, 'this item is not one of a host queue')
})

t.test('a thread pool size that was there stays', { buffered: true }, async (t) => {
  const here = await place(t)
  await here.queue.enqueue('')
  const seen = await environmentIn(here, ['-E'], { UV_THREADPOOL_SIZE: '3' })
  t.strictSame(seen, { ...outer(here), UV_THREADPOOL_SIZE: '3' })
})

t.test('times have FSQ_TIMEFMT, tries are those spent', { buffered: true }, async (t) => {
  const here = await place(t)
  const env = { FSQ_TIMEFMT: '%Y-%m-%dT%H:%M:%S' }
  const added = await here.fsq(['enqueue', '-ep', 'q'], { env })
  await here.fsq(['scan', '-m9', 'q', 'sh', '-c', 'exit 111'], { env })
  const seen = await environmentIn(here, ['-m9'], env)
  t.match(seen['FSQ_ITEM_ENQUEUED_AT'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  t.equal(seen['FSQ_ITEM_ENQUEUED_AT'], added.stdout.split('_')[1])
  t.equal(seen['FSQ_ITEM_TRIES'], '1')
  t.match(seen['FSQ_ITEM_ID'], /_1$/)
})
