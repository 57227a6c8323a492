import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import * as names from '../../lib/posix/names.js'
import type * as module from '../../lib/upkeep/show-item.js'
import { readShown, showItem } from '../../lib/upkeep/show-item.js'
import { all } from '../helpers/collect.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { temporaryQueue } from '../helpers/temporary.js'

t.test('an item that waits, and is worked on', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('the body', ['a b'])
  const path = `${queue.context.paths.queue}/${id}`
  const later = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
  chmodSync(path, 0o604)
  utimesSync(path, later, later)
  const item = await queue.claim(id)
  const shown = await showItem(queue, id)
  item.close()
  t.match(shown, {
    queue: 'q',
    state: 'queue',
    id,
    path,
    size: 8,
    mode: 0o604,
    uid: process.getuid?.(),
    modifiedAt: later,
    notBefore: later,
    locked: true,
    lockedBy: process.pid,
    name: { arguments: ['a b'], tries: 0 },
  })
  t.notOk('output' in shown)
  const after = await showItem(queue, id)
  t.equal(after.locked, false)
  t.notOk('lockedBy' in after)
  t.equal(Buffer.concat(await all(readShown(after))).toString(), 'the body')
})

t.test('one that failed, with what its program wrote', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const { id } = await (await queue.claim(await queue.enqueue('x'))).failPerm()
  mkdirSync(paths.output)
  writeFileSync(`${paths.output}/${id}`, 'it went wrong\n')
  const shown = await showItem(queue, id)
  t.match(shown, { state: 'fail', output: `${paths.output}/${id}` })
  t.notOk('notBefore' in shown)
  const output = async (): Promise<string> =>
    Buffer.concat(await all(readShown(shown, 'output'))).toString()
  t.equal(await output(), 'it went wrong\n')
  truncateSync(`${paths.output}/${id}`, 2 ** 28) // More than is ever kept.
  appendFileSync(`${paths.output}/${id}`, 'the end')
  t.equal(await output(), `${'\0'.repeat(64 * 1024 - 7)}the end`)
})

t.test('the beginning of a name is enough if it is the only one', async (t) => {
  const queue = await temporaryQueue(t)
  const { queue: ready, done, fail, tmp } = queue.context.paths
  const [one, two] = [itemName({ entropy: 1 }), itemName({ entropy: 2 })]
  putEntry(ready, one)
  putEntry(done, two)
  putEntry(ready, '.nfs1')
  t.match(await showItem(queue, '_20120710213904_1'), { state: 'queue', id: one })
  t.match(await showItem(queue, '_', { states: ['done'] }), { state: 'done', id: two })
  await t.rejects(showItem(queue, '_2012'), {
    code: 'FSQ_AMBIGUOUS',
    message: new RegExp(`may be meant by _2012: the beginning of queue/${one}, done/${two}$`),
  })
  putEntry(tmp, `${one}_longer`)
  t.match(await showItem(queue, one), { id: one }, 'a whole name is itself')
  putEntry(fail, one)
  await t.rejects(showItem(queue, one), { code: 'FSQ_AMBIGUOUS', message: /in queue, fail$/ })
  for (let at = 0; at < 5; at++) putEntry(fail, `_x${at}`)
  await t.rejects(showItem(queue, '_x'), { message: /fail\/_x\d, fail\/_x\d and 2 others$/ })
})

t.test('an item with its name in two directories is one', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const id = await queue.enqueue('')
  linkSync(`${paths.queue}/${id}`, `${paths.tmp}/${id}`)
  t.match(await showItem(queue, '_2'), { state: 'queue', id })
  putEntry(paths.fail, id)
  await t.rejects(showItem(queue, '_2'), { code: 'FSQ_AMBIGUOUS' })
})

t.test('an item that is finished while it is looked for is found where it went', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const id = await queue.enqueue('')
  const { showItem } = await t.mockImport<typeof module>('../../lib/upkeep/show-item.js', {
    '../../lib/posix/names.js': {
      ...names,
      *walkNames(directory: string) {
        yield* names.walkNames(directory)
        if (existsSync(`${paths.queue}/${id}`))
          renameSync(`${paths.queue}/${id}`, `${paths.done}/${id}`)
      },
    },
  })
  t.match(await showItem(queue, '_2', { states: ['queue', 'done'] }), { state: 'done', id })
})

t.test('what is no item, or not there', async (t) => {
  const queue = await temporaryQueue(t)
  putEntry(queue.context.paths.queue, '_caf\xe9')
  const malformed = await showItem(queue, '_caf')
  t.match(malformed, { id: '_caf\\xe9', path: /./ })
  t.equal(malformed.name, undefined)
  t.ok(Buffer.isBuffer(malformed.path))
  for (const id of ['nosuch', '../done/x', '', '.'])
    await t.rejects(showItem(queue, id), { code: 'FSQ_NO_ITEM' }, id)
  mkdirSync(`${queue.context.paths.done}/directory`)
  const directory = await showItem(queue, 'directory')
  await t.rejects(all(readShown(directory)), { code: 'FSQ_BODY' })
  const id = await queue.enqueue('')
  const gone = await showItem(queue, id)
  rmSync(`${queue.context.paths.queue}/${id}`)
  await t.rejects(all(readShown(gone)), { code: 'FSQ_NO_ITEM' })
  renameSync(queue.path, `${queue.path}.away`)
  await t.rejects(showItem(queue, id), { code: 'FSQ_NO_QUEUE' })
  await t.rejects(showItem(queue, 1 as unknown as string), { name: 'TypeError' })
})
