import { lstatSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { type ListedItem, listedItem, listItems, locateItem } from '../../lib/upkeep/list-items.js'
import { temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

t.test('each entry tells of its place, its size, its times and its name', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const enqueuedAt = new Date(2012, 6, 10, 21, 39, 4)
  const id = await queue.enqueue('body', ['a b', 'ü'], { enqueuedAt, entropy: 3, delimiter: '~' })
  const finished = await queue.enqueue('longer body')
  await (await queue.claim(finished)).done()
  const time = new Date(2020, 1, 1)
  utimesSync(`${paths.done}/${finished}`, time, time)
  const item = await queue.claim(id)

  const [waiting, done, ...others] = listItems(queue, { states: ['queue', 'done', 'fail', 'tmp'] })
  item.close()
  t.strictSame(others, [])
  t.match(waiting, { queue: 'q', state: 'queue', id, raw: Buffer.from(id), size: 4, locked: true })
  t.match(waiting?.name, {
    delimiter: '~',
    enqueuedAt,
    entropy: '3',
    pid: String(process.pid),
    tries: 0,
    arguments: ['a b', 'ü'],
  })
  t.match(done, { state: 'done', id: finished, size: 11, locked: false, modifiedAt: time })
  t.equal([...listItems(queue)][0]?.locked, false, 'locked no more')
})

t.test('an item with a time that no date can tell is listed', async (t) => {
  const { context, path } = await temporaryQueue(t)
  writeFileSync(`${path}/file`, '')
  const stat = Object.assign(lstatSync(`${path}/file`), { mtimeMs: 1e16, mtime: new Date(NaN) })
  const { modifiedAt, notBefore } = listedItem(context, 'queue', 'file', { stat, locked: false })
  for (const time of [modifiedAt, notBefore]) t.match(time?.toISOString(), /^\+275760-09-12/)
})

t.test(
  'an item that waits for its time tells of it, a finished one with such an mtime does not',
  async (t) => {
    const queue = await temporaryQueue(t)
    const { paths } = queue.context
    const time = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
    const early = await queue.enqueue('', ['early'], { notBefore: time })
    const finished = await queue.enqueue('', ['finished'])
    await (await queue.claim(finished)).done()
    utimesSync(`${paths.done}/${finished}`, time, time)
    const [waiting, done] = listItems(queue, { states: ['queue', 'done'] })
    t.match(waiting, { id: early, notBefore: time })
    t.match(done, { id: finished, modifiedAt: time })
    t.notOk(done !== undefined && 'notBefore' in done)
  },
)

t.test('what is malformed has no name, hidden files are left out', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const dotted = await queue.enqueue('', [], { delimiter: '.' })
  for (const name of ['.nfs1', 'malformed']) writeFileSync(`${paths.queue}/${name}`, '')
  writeFileSync(Buffer.from(`${paths.queue}/caf\xe9`, 'latin1'), '')
  const items = [...listItems(queue)]
  const about = ({ id, raw, name }: ListedItem): unknown[] => [id, raw.length, name === undefined]
  t.strictSame(items.map(about).sort(), [
    [dotted, dotted.length, false],
    ['caf\\xe9', 4, true],
    ['malformed', 9, true],
  ])
})

t.test('an entry that vanishes while the others are listed is left out', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = []
  for (let i = 0; i < 3; i++) ids.push(await queue.enqueue(''))
  const list = listItems(queue)
  const first = list.next().value as ListedItem
  rmSync(`${queue.context.paths.queue}/${ids[1] ?? ''}`)
  t.strictSame(
    [first, ...list].map(({ id }) => id),
    [ids[0], ids[2]],
  )
})

t.test('an item is found by its name, in the first of the places', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const id = await queue.enqueue('', ['ü'])
  const path = locateItem(queue, id, ['done', 'queue'])
  t.equal(String(path), `${paths.queue}/${id}`)
  writeFileSync(`${paths.done}/${id}`, '')
  t.equal(String(locateItem(queue, id, ['done', 'queue'])), `${paths.done}/${id}`)
  t.equal(locateItem(queue, id, ['fail', 'tmp']), undefined)
  for (const name of ['..', `../queue/${id}`, ''])
    t.equal(locateItem(queue, name, ['queue']), undefined, name)
})

t.test('without a queue there is nothing to list', async (t) => {
  const root = temporaryRoot(t)
  t.throws(() => [...listItems(root.queue('nosuch'))], { code: 'FSQ_NO_QUEUE' })
})
