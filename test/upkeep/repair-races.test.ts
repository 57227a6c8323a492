import { linkSync, mkdirSync, rmdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { auditQueue } from '../../lib/upkeep/audit.js'
import { check, place, startProgram } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { listOf } from '../helpers/findings-suite.js'
import { contentsOf, entriesOf } from '../helpers/temporary.js'

/* Repair beside itself, and beside programs that use the queue. */

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What one repair, or many, did. */
interface Counts {
  readonly mended: number
  readonly left: readonly [kind: string, code: string | undefined][]
  readonly runs: number
}

const rounds = 40

for (const native of ['koffi', 'commands']) {
  t.test(`two repairs at once do together what one does, with ${native}`, async (t) => {
    const { env, queue, root } = await place(t)
    const { paths } = queue.context
    const repairers = [1, 2].map(() =>
      startProgram(process.execPath, [fileOf('repairer.mjs')], {
        env: { ...env, FSQ_NATIVE: native },
        input: { later: true },
      }),
    )
    for (const repairer of repairers) t.equal(await repairer.line(), 'ready')
    const waiting: string[] = []
    const done: string[] = []
    const failed: string[] = []
    let both = 0
    for (let round = 0; round < (native === 'koffi' ? rounds : 4); round++) {
      const broken = 4 * 4 + 2
      for (let i = 0; i < 4; i++) {
        const name = (what: string, tries = 0): string =>
          itemName({ entropy: i, tries, args: [what, String(round)] })
        putEntry(paths.tmp, name('stale'))
        putEntry(paths.tmp, name('enqueued'))
        linkSync(`${paths.tmp}/${name('enqueued')}`, `${paths.queue}/${name('enqueued')}`)
        putEntry(paths.queue, name('done'))
        linkSync(`${paths.queue}/${name('done')}`, `${paths.done}/${name('done')}`)
        putEntry(paths.queue, name('tried'))
        linkSync(`${paths.queue}/${name('tried')}`, `${paths.queue}/${name('tried', 1)}`)
        waiting.push(name('enqueued'), name('tried', 1))
        done.push(name('done'))
      }
      putEntry(paths.queue, `malformed-${round}`)
      failed.push(`malformed-${round}`)
      mkdirSync(`${root.settings.root}/.q.uninstall-0123456789ab/queue`, { recursive: true })
      if (round === 0) rmdirSync(paths.fail)
      for (const repairer of repairers) repairer.write('go\n')
      const lines = await Promise.all(repairers.map(async (repairer) => repairer.line()))
      const counts = lines.map((line) => JSON.parse(line) as Counts)
      const left = counts.flatMap((each) => each.left)
      t.strictSame(
        left.filter(([, code]) => code !== 'FSQ_ITEM_LOCKED'),
        [],
        'at worst the other is at it',
      )
      // A directory that vanishes under both is told of by the one that removed the last of it.
      const mended = counts.reduce((sum, each) => sum + each.mended, 0)
      t.ok(mended >= broken && mended <= broken + 2, `${mended} were mended`)
      if (counts.every((each) => each.mended > 0)) both++
    }
    for (const repairer of repairers) {
      repairer.end()
      check(t, await repairer.ended, { stdout: /^/ })
    }
    t.strictSame(contentsOf(queue), {
      tmp: [],
      queue: waiting.sort(),
      done: done.sort(),
      fail: failed.sort(),
    })
    t.strictSame(entriesOf(root.settings.root), ['q'])
    const rest = await listOf(auditQueue(queue, { older: 0 }))
    t.strictSame(
      rest.filter(({ remedy }) => remedy !== 'none'),
      [],
    )
    if (native === 'koffi') t.ok(both > 0, `in ${both} rounds both had something to do`)
  })

  t.test(`repair beside producers and scanners loses nothing, with ${native}`, async (t) => {
    const { env, queue } = await place(t)
    const count = native === 'koffi' ? 400 : 25
    const start = (file: string, ...words: string[]): ReturnType<typeof startProgram> =>
      startProgram(process.execPath, [fileOf(file), ...words], {
        env: { ...env, FSQ_NATIVE: native },
        input: { later: true },
      })
    const repairer = start('repairer.mjs', 'on')
    const consumers = [start('consumer.mjs'), start('consumer.mjs')]
    const producers = ['a', 'b'].map((name) => start('producer.mjs', name, String(count)))
    // They go on until repair has met one of their drafts, however the processes take turns.
    if (native === 'koffi') t.equal(await repairer.line(), 'mended')
    for (const producer of producers) producer.end()
    const produced = await Promise.all(producers.map(async ({ ended }) => ended))
    for (const consumer of consumers) consumer.end()
    const consumed = await Promise.all(consumers.map(async ({ ended }) => ended))
    repairer.end()
    const repaired = await repairer.ended
    for (const ended of produced) check(t, ended, { stdout: /^/, stderr: /^\d+ \d+\n$/ })
    for (const ended of consumed) check(t, ended, { stdout: /^/ })
    check(t, repaired, { stdout: /^(?:mended\n)?{.*}\n$/ })

    const linesOf = (ended: readonly { readonly stdout: string }[]): string[] =>
      ended
        .flatMap(({ stdout }) => stdout.split('\n'))
        .filter((line) => line !== '')
        .sort()
    const acknowledged = linesOf(produced)
    const tally = produced.map(({ stderr }) => stderr.trim().split(' ').map(Number))
    const sumOf = (column: number): number =>
      tally.reduce((sum, row) => sum + (row[column] ?? NaN), 0)
    const [refused, asked] = [sumOf(0), sumOf(1)]
    const { mended, runs } = JSON.parse(repaired.stdout.replace('mended\n', '')) as Counts
    t.comment(`${refused} enqueues failed, ${mended} mended in ${runs} repairs`)
    t.equal(acknowledged.length + refused, asked)
    t.ok(asked >= 2 * count)
    t.strictSame(linesOf(consumed), acknowledged, 'what was acknowledged was done, and done once')
    t.ok(runs > 1)
    if (native === 'koffi') t.ok(mended > 0, 'repair was in the midst of it')
    const { done, ...others } = contentsOf(queue)
    t.strictSame(others, { tmp: [], queue: [], fail: [] })
    t.equal(done?.length, acknowledged.length)
  })
}

t.test('nobody can move a leftover to its place while it is removed', async (t) => {
  const { fsq, root } = await place(t)
  const { root: path } = root.settings
  const name = '.q.uninstall-0123456789ab'
  mkdirSync(`${path}/${name}/done`, { recursive: true })
  for (let i = 0; i < 10_000; i++) putEntry(`${path}/${name}/done`, String(i))
  const state = { ended: false }
  const repair = fsq(['repair', '--older', '0s', 'q']).finally(() => {
    state.ended = true
  })
  let seen = [name]
  while (!state.ended && seen.includes(name)) {
    await setImmediate()
    seen = entriesOf(path).filter((entry) => entry.startsWith('.'))
  }
  t.match(seen, [/^\.q\.uninstall-(?!0123456789ab)[0-9a-f]{12}$/], 'it is there by another name')
  check(t, await repair, { stdout: /removed/ })
  t.strictSame(entriesOf(path), ['q'])
})
