import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import t, { type Test } from 'tap'
import { writeWhole } from '../../lib/posix/write-whole.js'
import type { QueueContext } from '../../lib/queue/context.js'
import type * as Output from '../../lib/queue/output.js'
import { keepOutput } from '../../lib/queue/output.js'
import { itemName } from '../helpers/entries.js'
import { asideOf, cannotPin, replaceByLink } from '../helpers/replace-by-link.js'
import { snapshot } from '../helpers/snapshot.js'
import { entriesOf, temporaryQueue } from '../helpers/temporary.js'

const id = itemName()
const bytes = Buffer.from('it went wrong')

/** A queue, and a directory that nothing is to be written into. */
async function place(t: Test): Promise<{ context: QueueContext; elsewhere: string }> {
  const { context } = await temporaryQueue(t)
  const elsewhere = `${context.settings.root}/elsewhere`
  mkdirSync(elsewhere)
  return { context, elsewhere }
}

t.test('output is kept by the name of its item, the last one, and nothing beside it', async (t) => {
  const { context } = await place(t)
  await keepOutput(context, id, Buffer.from('an earlier try'))
  await keepOutput(context, id, bytes)
  t.strictSame(entriesOf(context.paths.output), [id])
  t.equal(readFileSync(`${context.paths.output}/${id}`, 'utf8'), 'it went wrong')
})

t.test('a link in place of the directory is refused', async (t) => {
  const { context, elsewhere } = await place(t)
  symlinkSync(elsewhere, context.paths.output)
  await t.rejects(keepOutput(context, id, bytes), { code: 'ENOTDIR' })
  t.strictSame(entriesOf(elsewhere), [])
})

t.test(
  'a link that takes the place of the directory leads no output elsewhere',
  { skip: cannotPin },
  async (t) => {
    const { context, elsewhere } = await place(t)
    const { output } = context.paths
    const swapping = {
      '../../lib/posix/write-whole.js': {
        writeWhole: async (...file: Parameters<typeof writeWhole>) => {
          replaceByLink(output, elsewhere)
          await writeWhole(...file)
        },
      },
    }
    const before = snapshot(elsewhere)
    const there = await t.mockImport<typeof Output>('../../lib/queue/output.js', {
      '../../lib/queue/side-directory.js': await t.mockImport<object>(
        '../../lib/queue/side-directory.js',
        swapping,
      ),
    })
    await there.keepOutput(context, id, bytes)
    t.strictSame(snapshot(elsewhere), before)
    t.equal(readFileSync(`${asideOf(output)}/${id}`, 'utf8'), 'it went wrong')
  },
)
