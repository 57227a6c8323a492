import { mkdirSync, rmSync, statSync } from 'node:fs'
import t from 'tap'
import { Wake } from '../../lib/work/wake.js'
import { eventually } from '../helpers/cli.js'
import { temporaryQueue } from '../helpers/temporary.js'

t.test('queue/ is listened to, also one that was made anew', async (t) => {
  const queue = await temporaryQueue(t)
  const { queue: directory } = queue.context.paths
  const told: (string | undefined)[] = []
  using wake = new Wake(queue.context, {
    onWork: (entry) => told.push(entry),
    onError: (error) => t.error(error),
  })
  wake.check()
  const { ino } = statSync(directory)
  rmSync(directory, { recursive: true })
  mkdirSync(directory)
  if (statSync(directory).ino !== ino) t.comment('the file system gave it another number')
  wake.check()
  t.ok(told.includes(undefined), 'anything may have come')
  const id = await queue.enqueue('')
  await eventually(() => told.includes(id))
})
