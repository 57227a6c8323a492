import { mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import * as files from '../../lib/posix/files.js'
import * as names from '../../lib/posix/names.js'
import { systemError } from '../../lib/posix/system-error.js'
import { writeWhole } from '../../lib/posix/write-whole.js'
import type { QueueContext } from '../../lib/queue/context.js'
import type * as Records from '../../lib/work/distribution-record.js'
import { DistributionRecord } from '../../lib/work/distribution-record.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { asideOf, cannotPin, replaceByLink } from '../helpers/replace-by-link.js'
import { snapshot } from '../helpers/snapshot.js'
import { entriesOf, temporaryQueue } from '../helpers/temporary.js'

const id = itemName()

t.test(
  'a link that takes the place of the directory leads nobody elsewhere',
  { skip: cannotPin },
  async (t) => {
    interface Case {
      readonly act: (records: typeof Records, context: QueueContext) => Promise<void> | void
      /** What is in the directory afterwards. */
      readonly left: readonly string[]
    }
    const cases: Readonly<Record<string, Case>> = {
      'when a record is written': {
        act: async (records, context) => {
          using record = records.DistributionRecord.open(context, id)
          await record.decide(['a'])
        },
        left: [id],
      },
      'when a record is removed': {
        act: (records, context) => {
          using record = records.DistributionRecord.open(context, id)
          record.remove()
        },
        left: [],
      },
      'when stale records are removed': {
        act: ({ removeStaleRecords }, context) => {
          putEntry(context.paths.distribution, id)
          removeStaleRecords(context)
        },
        left: [],
      },
      'when the last host is kept': {
        act: ({ keepLastHost }, context) => keepLastHost(context, 'a'),
        left: ['last'],
      },
    }
    for (const [name, { act, left }] of Object.entries(cases))
      t.test(name, async (t) => {
        const { context } = await temporaryQueue(t)
        const { distribution } = context.paths
        const elsewhere = `${context.settings.root}/elsewhere`
        for (const directory of [distribution, elsewhere]) mkdirSync(directory)
        for (const entry of [id, 'precious']) putEntry(elsewhere, entry)
        /** Calls something a moment after somebody else has put a link there. */
        const tooLate =
          <A extends unknown[], R>(call: (...args: A) => R) =>
          (...args: A): R => {
            replaceByLink(distribution, elsewhere)
            return call(...args)
          }
        const side = '../../lib/queue/side-directory.js'
        const records = await t.mockImport<typeof Records>(
          '../../lib/work/distribution-record.js',
          {
            '../../lib/posix/files.js': {
              ...files,
              openSharedRecord: tooLate(files.openSharedRecord),
            },
            '../../lib/posix/names.js': { ...names, listNames: tooLate(names.listNames) },
            [side]: await t.mockImport<object>(side, {
              '../../lib/posix/write-whole.js': { writeWhole: tooLate(writeWhole) },
            }),
          },
        )
        const before = snapshot(elsewhere)
        await act(records, context)
        t.strictSame(snapshot(elsewhere), before)
        t.strictSame(entriesOf(asideOf(distribution)), left)
      })
  },
)

t.test('a record is read whole, however long it is', async (t) => {
  for (const size of [0, 64 * 1024, 1024 * 1024]) {
    const { context } = await temporaryQueue(t, {}, { hosts: ['a'] })
    {
      using record = DistributionRecord.open(context, id)
      await record.decide(['a'])
      await record.note('a')
    }
    const path = `${context.paths.distribution}/${id}`
    const others = '["for","b"]\n'.repeat(Math.ceil(size / 12))
    writeFileSync(path, others + readFileSync(path, 'utf8'))
    using record = DistributionRecord.open(context, id)
    t.strictSame([...record.has], ['a'], `${size} bytes`)
    t.ok(record.targets.has('a'))
  }
})

t.test('what is written behind a line that a power cut tore is read', async (t) => {
  const { context } = await temporaryQueue(t, {}, { hosts: ['a', 'b'] })
  const path = `${context.paths.distribution}/${id}`
  {
    using record = DistributionRecord.open(context, id)
    await record.decide(['a'])
  }
  writeFileSync(path, '["fo', { flag: 'a' })
  {
    using record = DistributionRecord.open(context, id)
    await record.decide(['b'])
    await record.note('b')
  }
  using record = DistributionRecord.open(context, id)
  t.strictSame([[...record.targets], [...record.has]], [['a', 'b'], ['b']])
})

t.test('a record that cannot be used leaves nothing open', { skip: cannotPin }, async (t) => {
  const { context } = await temporaryQueue(t)
  const openFiles = (): number => readdirSync('/proc/self/fd').length
  const eio = (): never => {
    throw systemError('EIO', id)
  }
  const { DistributionRecord: Failing } = await t.mockImport<typeof Records>(
    '../../lib/work/distribution-record.js',
    { '../../lib/posix/files.js': { ...files, readAt: eio } },
  )
  const before = openFiles()
  t.throws(() => Failing.open(context, id), { code: 'EIO' }, 'since it cannot be read')
  t.equal(openFiles(), before)
  unlinkSync(`${context.paths.distribution}/${id}`)
  mkdirSync(`${context.paths.distribution}/${id}`)
  t.throws(() => DistributionRecord.open(context, id), { code: 'EISDIR' }, 'or is none')
  t.equal(openFiles(), before)
})
