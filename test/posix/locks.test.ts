import { spawnSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { readLocks } from '../../lib/posix/locks.js'
import { statEntry } from '../../lib/posix/names.js'
import { listItems } from '../../lib/upkeep/list-items.js'
import { notRoot } from '../helpers/cli.js'
import { temporaryDirectory, temporaryRoot } from '../helpers/temporary.js'

/** What keeps a program from its end, if anything does. */
function failureOf(program: string, ...words: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync(program, words, { encoding: 'utf8' })
  return status === 0 ? undefined : `${program}: ${error?.message ?? stderr.trim()}`
}

/** A Btrfs of its own with a subvolume, until the test ends; the path of that, or why there is none. */
function btrfs(t: Test): { readonly subvolume: string } | { readonly why: string } {
  const directory = temporaryDirectory(t)
  const [image, top] = [`${directory}/image`, `${directory}/top`]
  mkdirSync(top)
  writeFileSync(image, '')
  truncateSync(image, 120 * 2 ** 20)
  const why = failureOf('mkfs.btrfs', '-q', image) ?? failureOf('mount', '-o', 'loop', image, top)
  if (why !== undefined) return { why }
  t.teardown(() => failureOf('umount', '-l', top))
  const subvolume = `${top}/sub`
  const cannot = failureOf('btrfs', 'subvolume', 'create', subvolume)
  return cannot === undefined ? { subvolume } : { why: cannot }
}

const linux = process.platform === 'linux' ? false : 'only Linux tells who has a lock'

t.test('it is told of a lock in a subvolume of Btrfs', { skip: linux || notRoot }, async (t) => {
  const made = btrfs(t)
  if ('why' in made) {
    t.plan(0, `there is no Btrfs: ${made.why}`)
    return
  }
  const queue = await temporaryRoot(t, { root: made.subvolume }).install('q')
  const ids = [await queue.enqueue(''), await queue.enqueue('')]
  using item = await queue.claim(ids[0] ?? '')
  t.strictSame(
    [...listItems(queue)].map(({ id, locked }) => ({ id, locked })),
    ids.map((id) => ({ id, locked: id === item.id })),
  )
})

t.test('a file in a directory that is not there is free', { skip: linux }, async (t) => {
  const queue = await temporaryRoot(t).install('q')
  const id = await queue.enqueue('')
  using item = await queue.claim(id)
  const stat = statEntry(`${queue.path}/queue/${item.id}`)
  if (stat === undefined) throw new Error('it is gone')
  t.equal(readLocks()(stat, queue.path)?.pid, process.pid)
  const elsewhere = Object.assign(Object.create(stat) as typeof stat, { dev: 9999 })
  t.equal(readLocks()(elsewhere, `${queue.path}/nosuch`), undefined)
})
