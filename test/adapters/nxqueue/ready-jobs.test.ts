import { readdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { submitJob } from '../../../lib/adapters/nxqueue/index.js'
import { ReadyJobsReader } from '../../../lib/adapters/nxqueue/ready-jobs.js'
import type * as Reading from '../../../lib/adapters/nxqueue/ready-jobs.js'
import * as claiming from '../../../lib/queue/claim.js'
import { testCluster } from '../../helpers/nxqueue.js'

t.test('a job that could not be read is read again, and one that is none is not', async (t) => {
  const failures = ['EMFILE', 'EIO', 'EACCES']
  let claims = 0
  const { ReadyJobsReader } = await t.mockImport<typeof Reading>(
    '../../../lib/adapters/nxqueue/ready-jobs.js',
    {
      '../../../lib/queue/claim.js': {
        claimEntry(...of: Parameters<typeof claiming.claimEntry>) {
          claims++
          const isJob = of[1].includes('_j_')
          const code = isJob ? failures.shift() : undefined
          if (code !== undefined) throw Object.assign(new Error(code), { code })
          return claiming.claimEntry(...of)
        },
      },
    },
  )
  const { cluster } = await testCluster(t)
  const { id } = await submitJob(cluster, { kind: 'other', jobID: 'j' })
  const none = await cluster.queue.enqueue('', ['none'])
  const reader = new ReadyJobsReader(cluster.queue.context)
  for (const errno of [...failures]) {
    const { jobs, bad } = await reader.read()
    t.strictSame(jobs, [], errno)
    const unreadable = { item: id, error: { code: 'FSQ_NXQUEUE_JOB', errno } }
    t.match(new Map(bad.map((each) => [each.item, each])).get(id), unreadable)
  }
  for (let i = 0; i < 2; i++)
    t.match(await reader.read(), { jobs: [{ jobID: 'j' }], bad: [{ item: none }] })
  t.equal(claims, 5, 'none of the two is read again')
})

t.test('an item whose name is none keeps no file open', async (t) => {
  const { cluster } = await testCluster(t)
  const { context } = cluster.queue
  for (const name of ['a', 'b', 'c']) writeFileSync(`${context.paths.queue}/${name}`, '')
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  const { bad } = await new ReadyJobsReader(context).read()
  t.equal(bad.length, 3)
  t.equal(open(), before)
})
