import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { removeSync } from 'fs-extra/esm'
import t, { type Test } from 'tap'
import type { Argument } from '../../lib/name/encode.js'
import * as files from '../../lib/posix/files.js'
import * as names from '../../lib/posix/names.js'
import { sync } from '../../lib/posix/sync.js'
import * as bodies from '../../lib/queue/body.js'
import type * as Enqueue from '../../lib/queue/enqueue.js'
import type { EnqueueOptions } from '../../lib/queue/draft.js'
import { nextEntropy } from '../../lib/queue/entropy.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { putEntry } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { publishOn } from '../helpers/publish-on.js'
import {
  contentsOf,
  nothing,
  temporaryDirectory,
  temporaryQueue,
  temporaryRoot,
  underUmask,
} from '../helpers/temporary.js'

const bodyOf = (queue: Queue, id: string): string =>
  readFileSync(`${queue.context.paths.queue}/${id}`, 'utf8')

t.test('an item that was enqueued is in queue/ under its name, and nowhere else', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('a body', ['a', 'b'])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.equal(bodyOf(queue, id), 'a body')
  t.equal(statSync(`${queue.context.paths.queue}/${id}`).nlink, 1)
})

t.test('its name says when, by whom, where, and with which arguments', async (t) => {
  const queue = await temporaryQueue(t)
  const before = Math.floor(Date.now() / 1000) * 1000
  const id = await queue.enqueue('', ['a_b', 7, 8n, Buffer.from('é'), ''])
  const item = await queue.claim(id)
  t.match(id, /^_[0-9]{14}_[0-9]+_/)
  t.ok(item.enqueuedAt.getTime() >= before && item.enqueuedAt.getTime() <= Date.now())
  t.match(item, { pid: String(process.pid), hostname: hostname(), tries: 0 })
  t.strictSame(item.arguments, ['a_b', '7', '8', 'é', ''])
  item.close()
})

t.test('the names of 500 items enqueued at once differ', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = await Promise.all(Array.from({ length: 500 }, () => queue.enqueue('')))
  t.equal(new Set(ids).size, 500)
  t.strictSame(contentsOf(queue), { ...nothing, queue: ids.sort() })
  const seconds = new Map<string, Set<string>>()
  for (const id of ids) {
    const [, timestamp = '', entropy = ''] = id.split('_')
    const taken = seconds.get(timestamp) ?? new Set()
    t.notOk(taken.has(entropy), 'the entropy is new in its second', { diagnostic: false })
    seconds.set(timestamp, taken.add(entropy))
  }
})

t.test(
  'entropy begins at 0 for each timestamp, and goes on after a clock that steps back',
  async (t) => {
    t.equal(nextEntropy('a'), 0)
    t.equal(nextEntropy('a'), 1)
    t.equal(nextEntropy('b'), 0)
    t.equal(nextEntropy('a'), 2, 'after a clock that steps back')
    t.equal(nextEntropy('b'), 1)
    for (let i = 0; i < 5000; i++) nextEntropy(`later ${String(i)}`)
    t.equal(nextEntropy('a'), 0, 'what is thousands of timestamps ago is forgotten')
  },
)

const enqueuedAt = new Date(2012, 6, 10, 21, 39, 4)

/** A name that the next item could have, so many after that of an item. */
const following = (id: string, count: number): string =>
  id.replace(/^(_[0-9]+_)([0-9]+)/, (_, head: string, entropy: string) => {
    return `${head}${Number(entropy) + count}`
  })

for (const directory of ['queue', 'tmp'] as const) {
  t.test(`names that are taken in ${directory}/ are passed over`, async (t) => {
    const queue = await temporaryQueue(t)
    const first = await queue.enqueue('first', [], { enqueuedAt })
    for (const count of [1, 2, 3]) {
      putEntry(queue.context.paths[directory], following(first, count), 'precious')
    }
    const next = await queue.enqueue('next', [], { enqueuedAt })
    t.equal(next, following(first, 4))
    t.equal(bodyOf(queue, next), 'next')
    for (const count of [1, 2, 3]) {
      const path = `${queue.context.paths[directory]}/${following(first, count)}`
      t.equal(readFileSync(path, 'utf8'), 'precious')
    }
  })
}

t.test('a name that is taken while the body is written is passed over', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  let taken = ''
  const body = async function* (): AsyncGenerator<string> {
    taken = readdirSync(paths.tmp).join()
    putEntry(paths.queue, taken, 'precious')
    yield 'a body'
  }
  const id = await queue.enqueue(body(), [], { enqueuedAt })
  t.equal(id, following(taken, 1))
  t.strictSame(contentsOf(queue), { ...nothing, queue: [taken, id].sort() })
  t.equal(bodyOf(queue, taken), 'precious')
  t.equal(bodyOf(queue, id), 'a body')
})

t.test('an entropy that is given is in the name', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('', [], { entropy: 4711, enqueuedAt })
  t.match(id, /^_20120710213904_4711_/)
  t.match(await queue.enqueue('', [], { entropy: '12', enqueuedAt }), /^_20120710213904_12_/)
})

for (const directory of ['queue', 'tmp'] as const) {
  t.test(`with an entropy that is given, a name in ${directory}/ is an error`, async (t) => {
    const queue = await temporaryQueue(t)
    const { paths } = queue.context
    const id = await queue.enqueue('first', [], { entropy: 5, enqueuedAt })
    removeSync(`${paths.queue}/${id}`)
    putEntry(paths[directory], id, 'first')
    await t.rejects(queue.enqueue('second', [], { entropy: 5, enqueuedAt }), {
      code: 'FSQ_DUPLICATE',
      message: `an item of that name exists: ${id}`,
      queue: 'q',
      id,
    })
    t.strictSame(contentsOf(queue), { ...nothing, [directory]: [id] })
    t.equal(readFileSync(`${paths[directory]}/${id}`, 'utf8'), 'first')
  })
}

t.test('a time that is given is in the name, in local time', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('', [], { enqueuedAt })
  t.match(id, /^_20120710213904_/)
  const item = await queue.claim(id)
  t.equal(item.enqueuedAt.getTime(), enqueuedAt.getTime())
  item.close()
})

t.test('a time that is none is a TypeError', async (t) => {
  const queue = await temporaryQueue(t)
  const message = /^Expected `enqueuedAt` to be a date of the years 1000 to 9999, got /
  for (const enqueuedAt of [new Date(NaN), new Date(8.64e15), new Date(-1e14)])
    await t.rejects(queue.enqueue('', [], { enqueuedAt }), { name: 'TypeError', message })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a delimiter that is given is in force for that item', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('', ['a_b+c'], { delimiter: '+' })
  t.match(id, /^\+[0-9]{14}\+.*\+0\+a_b%2bc$/)
  const item = await queue.claim(id)
  t.match(item, { delimiter: '+', arguments: ['a_b+c'] })
  item.close()
})

for (const mask of [0o077, 0o000]) {
  t.test(`under the umask ${mask.toString(8).padStart(3, '0')}`, async (t) => {
    const modes: [what: string, settings: SettingsOptions, options: EnqueueOptions, is: string][] =
      [
        ['the mode is that of fsq(7)', {}, {}, '640'],
        ['the mode is that of the settings', { itemMode: 0o664 }, {}, '664'],
        ['the mode is that asked for', { itemMode: 0o600 }, { mode: 0o666 }, '666'],
      ]
    for (const [what, settings, options, is] of modes) {
      t.test(what, async (t) => {
        const queue = await temporaryQueue(t, settings)
        const id = await underUmask(mask, () => queue.enqueue('', [], options))
        t.equal(modeOf(`${queue.context.paths.queue}/${id}`), is)
      })
    }
  })
}

const skip = process.getuid?.() === 0 ? false : 'only root gives files away'

t.test('an item belongs to those asked for', { skip }, async (t) => {
  const queue = await temporaryQueue(t, { itemUser: '11', itemGroup: '12' })
  const ownerOf = (id: string): number[] => {
    const { uid, gid } = statSync(`${queue.context.paths.queue}/${id}`)
    return [uid, gid]
  }
  t.strictSame(ownerOf(await queue.enqueue('')), [11, 12])
  t.strictSame(ownerOf(await queue.enqueue('', [], { user: 21, group: '22' })), [21, 22])
})

const refused: [
  what: string,
  args: unknown[],
  options: EnqueueOptions,
  error: { code: string } | { name: string },
][] = [
  ['a name that is too long', ['x'.repeat(300)], {}, { code: 'FSQ_NAME_TOO_LONG' }],
  ['an argument that is no text', [null], {}, { code: 'FSQ_COERCE' }],
  ['half of a surrogate pair', ['\ud800'], {}, { code: 'FSQ_COERCE' }],
  ['an illegal delimiter', [], { delimiter: '/' }, { code: 'FSQ_ENCODE' }],
  ['the encode character as delimiter', [], { delimiter: '%' }, { code: 'FSQ_ENCODE' }],
  ['an unknown user', [], { user: 'nobody-has-this-name' }, { code: 'FSQ_NO_USER' }],
  ['an unknown group', [], { group: 'nobody-has-this-name' }, { code: 'FSQ_NO_GROUP' }],
  ['a mode that is none', [], { mode: 0o10000 }, { name: 'TypeError' }],
  ['a signal that is none', [], { signal: 5 as never }, { name: 'TypeError' }],
]

for (const [what, args, options, error] of refused) {
  t.test(`${what} is refused before anything is made`, async (t) => {
    const queue = await temporaryQueue(t)
    let asked = false
    const body = async function* (): AsyncGenerator<string> {
      asked = true
      yield ''
    }
    await t.rejects(queue.enqueue(body(), args as Argument[], options), error)
    t.equal(asked, false, 'the body was not asked for')
    t.strictSame(contentsOf(queue), nothing)
  })
}

t.test('where there is no root', async (t) => {
  const queue = openRoot({ root: `${temporaryDirectory(t)}/missing` }).queue('q')
  await t.rejects(queue.enqueue(''), {
    code: 'FSQ_NO_QUEUE',
    message:
      /^no such queue: q \(there is no directory .*\/missing; "fsq install" makes it, FSQ_ROOT or -r names another\)$/,
  })
})

t.test('where there is no queue', async (t) => {
  const queue = temporaryRoot(t).queue('q')
  await t.rejects(queue.enqueue(''), {
    code: 'FSQ_NO_QUEUE',
    message: /^no such queue: q \(in .*; "fsq install" makes queues\)$/,
    queue: 'q',
    path: queue.path,
  })
  t.equal(existsSync(queue.path), false)
})

t.test('where the queue is a file', async (t) => {
  const queue = temporaryRoot(t).queue('q')
  writeFileSync(queue.path, 'precious')
  await t.rejects(queue.enqueue(''), {
    code: 'FSQ_NO_QUEUE',
    message: `not a queue: ${queue.path} is not a directory`,
  })
  t.equal(readFileSync(queue.path, 'utf8'), 'precious')
})

for (const directory of ['tmp', 'queue'] as const) {
  const missing = async (t: Test): Promise<Queue> => {
    const queue = await temporaryQueue(t)
    rmdirSync(queue.context.paths[directory])
    return queue
  }
  const error = (queue: Queue) => ({
    code: 'FSQ_NO_QUEUE',
    message: `not a whole queue: q has no directory ${queue.context.paths[directory]}`,
  })
  t.test(`where the queue has no ${directory}/`, async (t) => {
    const queue = await missing(t)
    await t.rejects(queue.enqueue(''), error(queue))
    mkdirSync(queue.context.paths[directory])
    t.strictSame(contentsOf(queue), nothing)
  })
  t.test(`where a file has the place of ${directory}/`, async (t) => {
    const queue = await missing(t)
    writeFileSync(queue.context.paths[directory], 'precious')
    await t.rejects(queue.enqueue(''), {
      code: 'FSQ_NO_QUEUE',
      message: `not a whole queue: ${queue.context.paths[directory]} is not a directory`,
    })
    t.equal(readFileSync(queue.context.paths[directory], 'utf8'), 'precious')
    removeSync(queue.context.paths[directory])
    mkdirSync(queue.context.paths[directory])
    t.strictSame(contentsOf(queue), nothing)
  })
}

t.test('where tmp/ is on another file system', async (t) => {
  const elsewhere = '/dev/shm'
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  if (!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(paths.queue).dev) {
    t.pass('skipped', { skip: `there is no second file system in ${elsewhere}` })
    return
  }
  const other = `${elsewhere}/fsq-${process.pid}`
  mkdirSync(other)
  t.teardown(() => {
    removeSync(other)
  })
  rmdirSync(paths.tmp)
  symlinkSync(other, paths.tmp)
  await t.rejects(queue.enqueue('a body'), {
    code: 'FSQ_ENQUEUE',
    message: 'cannot enqueue to q: the directories are on different file systems',
    errno: 'EXDEV',
    queue: 'q',
  })
  t.strictSame(contentsOf(queue), nothing)
})

/** Enqueueing on a machine with those modules in place of its own. */
async function enqueueOn(t: Test, machine: object): Promise<typeof Enqueue.enqueueItem> {
  const { enqueueItem } = await t.mockImport<typeof Enqueue>('../../lib/queue/enqueue.js', {
    '../../lib/queue/draft.js': await t.mockImport<object>('../../lib/queue/draft.js', machine),
    '../../lib/queue/publish.js': await publishOn(t, machine),
  })
  return enqueueItem
}

t.test('where a system call fails, nothing is left', async (t) => {
  const eio = (): never => {
    throw Object.assign(new Error('EIO: a disk that breaks'), { code: 'EIO' })
  }
  const eioLater = async (): Promise<never> => eio()
  const unsyncable = (path: string): files.PinnedDirectory => ({
    ...files.pinDirectory(path),
    sync: eioLater,
  })
  const modules = {
    '../../lib/posix/files.js': files,
    '../../lib/posix/names.js': names,
    '../../lib/posix/sync.js': { sync },
    '../../lib/queue/body.js': bodies,
  }
  const calls: [call: string, module: keyof typeof modules, broken: object][] = [
    ['createFile', '../../lib/posix/files.js', { createFile: eio }],
    ['setOwnership', '../../lib/posix/files.js', { setOwnership: eio }],
    ['write', '../../lib/queue/body.js', { writeBody: eioLater }],
    ['sync', '../../lib/posix/sync.js', { sync: eioLater }],
    ['link', '../../lib/posix/names.js', { link: eio }],
    ['pinDirectory', '../../lib/posix/files.js', { pinDirectory: eio }],
    ['sync of the directory', '../../lib/posix/files.js', { pinDirectory: unsyncable }],
  ]
  for (const [call, module, broken] of calls) {
    t.test(`for example ${call}`, async (t) => {
      const enqueueItem = await enqueueOn(t, {
        ...modules,
        [module]: { ...modules[module], ...broken },
      })
      const queue = await temporaryQueue(t)
      await t.rejects(enqueueItem(queue.context, 'a body', []), {
        code: 'FSQ_ENQUEUE',
        message: 'cannot enqueue to q: input/output error',
        errno: 'EIO',
        queue: 'q',
      })
      t.strictSame(contentsOf(queue), nothing)
    })
  }
})

t.test('an item that is in stays in, whatever happens to its name in tmp/', async (t) => {
  const enqueueItem = await enqueueOn(t, {
    '../../lib/posix/names.js': {
      ...names,
      link(from: string, to: string) {
        names.link(from, to)
        names.unlink(from)
      },
    },
  })
  const queue = await temporaryQueue(t)
  const id = await enqueueItem(queue.context, 'a body', [])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

for (const entropy of ['abc', '', '-1', 1.5, '1 ']) {
  t.test(`${JSON.stringify(entropy)} is no entropy`, async (t) => {
    const queue = await temporaryQueue(t)
    await t.rejects(queue.enqueue('', [], { entropy }), { name: 'TypeError' })
    t.strictSame(contentsOf(queue), nothing)
  })
}
