import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import t, { type Test } from 'tap'
import { removeDirectory } from '../../lib/posix/names.js'
import * as files from '../../lib/posix/files.js'
import { systemError } from '../../lib/posix/system-error.js'
import { keepOutput } from '../../lib/queue/output.js'
import type * as SequenceModule from '../../lib/queue/sequence-file.js'
import type * as SideModule from '../../lib/queue/side-directory.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import { nobody, notRoot } from '../helpers/cli.js'
import { itemName } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, temporaryQueue, underUmask } from '../helpers/temporary.js'

/** Makes all that a queue has beside its items. */
async function useAll(queue: Queue): Promise<void> {
  await queue.enqueue('', [], { ordered: true, id: 'order 4711' })
  for await (const item of queue.scan({ ordered: true })) {
    await keepOutput(queue.context, item.id, Buffer.from('it went wrong'))
    item.close()
  }
}

/** Each with what it has of the mode of queue/. */
const made = { '.ids': 0o2777, '.output': 0o2777, seq: 0o666, 'seq.lock': 0o666, nextseq: 0o666 }

function checkAll(t: Test, queue: Queue, uid: number): void {
  const { gid } = statSync(queue.context.paths.queue)
  for (const [name, mode] of Object.entries(made)) {
    t.equal(modeOf(`${queue.path}/${name}`), mode.toString(8), name)
    t.match(statSync(`${queue.path}/${name}`), { uid, gid }, name)
  }
  t.strictSame(entriesOf(queue.context.paths.tmp), [])
}

t.test('what is made beside the items is as open as queue/ is', async (t) => {
  const queue = await temporaryQueue(t, {}, { mode: 0o2777 })
  const { root } = queue.context.settings
  const other = openRoot({ root, queueUser: '12345', queueMode: 0o700 }).queue('q')
  await underUmask(0o077, async () => {
    await useAll(other)
  })
  checkAll(t, queue, statSync(queue.context.paths.queue).uid)
})

t.test('so it is where another than the owner of queue/ makes it', { skip: notRoot }, async (t) => {
  const queue = await temporaryQueue(t, {}, { mode: 0o2777 })
  chmodSync(queue.context.settings.root, 0o711)
  await underUmask(0o077, async () => {
    process.seteuid?.(nobody)
    try {
      await useAll(queue)
    } finally {
      process.seteuid?.(0)
    }
  })
  checkAll(t, queue, nobody)
  await useAll(queue)
})

t.test('nothing that is not open yet is there to be found', async (t) => {
  const { context, path } = await temporaryQueue(t)
  const lock = `${path}/seq.lock`
  const { output, tmp } = context.paths
  const seen: number[] = []
  const mocks = {
    '../../lib/posix/files.js': {
      ...files,
      giveAway: () => {
        seen.push(entriesOf(tmp).length)
        t.notOk(existsSync(lock) || existsSync(output))
        throw systemError('EIO', tmp)
      },
    },
  }
  const { SequenceFile } = await t.mockImport<typeof SequenceModule>(
    '../../lib/queue/sequence-file.js',
    mocks,
  )
  const sequence = new SequenceFile(`${path}/seq`, { ownership: { mode: 0o660 }, drafts: tmp })
  await t.rejects(sequence.lock(), { code: 'FSQ_SEQUENCE', errno: 'EIO' })
  const { makeSideDirectory } = await withFiles(t, mocks)
  t.throws(
    () => {
      makeSideDirectory(context, output)
    },
    { code: 'EIO' },
  )
  t.strictSame(seen, [1, 1])
  t.strictSame(entriesOf(tmp), [], 'nor is anything left of it')
})

t.test('where two make a directory at once, it is that of the first', async (t) => {
  const { context } = await temporaryQueue(t)
  const { output, tmp } = context.paths
  let times = 0
  const { makeSideDirectory } = await withFiles(t, {
    '../../lib/posix/files.js': {
      ...files,
      giveAway: () => {
        times++
        mkdirSync(output)
      },
    },
  })
  makeSideDirectory(context, output)
  t.equal(times, 1)
  t.strictSame(entriesOf(tmp), [])
  removeDirectory(output)
  await keepOutput(context, itemName(), Buffer.from(''))
})

/** The module, with files of another kind under it. */
async function withFiles(t: Test, mocks: Record<string, unknown>): Promise<typeof SideModule> {
  const makeWhole: unknown = await t.mockImport('../../lib/posix/make-whole.js', mocks)
  return t.mockImport<typeof SideModule>('../../lib/queue/side-directory.js', {
    '../../lib/posix/make-whole.js': makeWhole,
  })
}
