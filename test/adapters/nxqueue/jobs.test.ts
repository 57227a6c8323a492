import { existsSync, rmSync } from 'node:fs'
import t from 'tap'
import {
  completeJob,
  parseJob,
  argumentsOf,
  bodyOf,
} from '../../../lib/adapters/nxqueue/job-item.js'
import { cancelJob, explainJob, runAgain, submitJob } from '../../../lib/adapters/nxqueue/index.js'
import { ownMachine } from '../../../lib/adapters/nxqueue/own-machine.js'
import type { JobRecord } from '../../../lib/adapters/nxqueue/store.js'
import { withLockedEntry } from '../../../lib/queue/locked-entry.js'
import { entriesOf } from '../../helpers/temporary.js'
import { testCluster, twoMachines } from '../../helpers/nxqueue.js'

t.test('a job is read from its item as it was written', (t) => {
  const jobs = [
    { kind: 'other', jobID: 'j' },
    { kind: 'archive', jobID: 'nightly.1', group: 'g', bytes: 5, priority: 9, details: { a: [1] } },
    {
      kind: 'restore',
      jobID: 'r',
      volume: 'A00001L6',
      media: 'LTO-6',
      server: 's',
      after: ['x', 'y'],
    },
  ] as const
  for (const job of jobs) {
    const complete = completeJob(job)
    t.strictSame(parseJob(argumentsOf(complete), bodyOf(complete)), complete, job.jobID)
    t.match(complete, job)
  }
  t.end()
})

t.test('what is left out has a default', (t) => {
  const job = completeJob({ kind: 'other' })
  t.match(job, { priority: 5, bytes: 0, after: [], volume: undefined, server: undefined })
  t.match(job.jobID, /^other-[0-9a-z]{10}$/)
  t.not(job.jobID, completeJob({ kind: 'other' }).jobID)
  t.match(parseJob(['j', 'other'], ''), { priority: 5, group: undefined }, 'enqueued by hand')
  t.end()
})

t.test('what is no job is refused', (t) => {
  const items: [args: string[], body: string, why: RegExp][] = [
    [[], '', /jobID/],
    [['j'], '', /kind/],
    [['j', 'burn'], '', /kind is "burn"; there are archive, restore, format, other/],
    [['../j', 'other'], '', /jobID is "..\/j"/],
    [['j', 'other', '10'], '', /priority is 10/],
    [['j', 'other', '-1'], '', /priority/],
    [['j', 'other', 'x'], '', /priority/],
    [['j', 'archive'], '', /neither a volume nor a group/],
    [['j', 'restore', '5', 'g'], '', /names no volume/],
    [['j', 'format'], '', /names no volume/],
    [['j', 'other', '', '', '', '', ''], '', /7 arguments/],
    [['j', 'other'], '{', /not JSON/],
    [['j', 'other'], '[]', /not an object/],
    [['j', 'other'], '{"bytes":-1}', /bytes are -1/],
    [['j', 'other'], '{"bytes":1e300}', /bytes/],
    [['j', 'other'], '{"after":"x"}', /list of jobIDs/],
    [['j', 'other'], '{"after":["j"]}', /after itself/],
    [['j', 'other'], '{"server":5}', /server is 5/],
    [['j', 'archive', '5', 'a b'], '', /group is "a b"/],
  ]
  for (const [args, body, message] of items)
    t.throws(() => parseJob(args, body), { code: 'FSQ_NXQUEUE_JOB', message }, JSON.stringify(args))
  t.end()
})

t.test('a job is submitted once under its jobID', async (t) => {
  const { cluster, where } = await testCluster(t)
  const { id } = await submitJob(cluster, { kind: 'other', jobID: 'j' })
  t.match(id, /_j_other_5___$/)
  t.strictSame(where(), { ready: ['j'] })
  await t.rejects(submitJob(cluster, { kind: 'other', jobID: 'j' }), { code: 'FSQ_NXQUEUE_JOB' })
  const many = await Promise.allSettled(
    Array.from({ length: 5 }, () => submitJob(cluster, { kind: 'other', jobID: 'k' })),
  )
  t.equal(many.filter(({ status }) => status === 'fulfilled').length, 1, 'whoever else tries it')
  t.strictSame(where(), { ready: ['j', 'k'] })
})

t.test('what is left of a job of that jobID says nothing of a new one', async (t) => {
  const { cluster, where } = await testCluster(t)
  await cluster.store.jobs.create('j', { at: 1, cancel: true, why: 'the drive is dirty' })
  await submitJob(cluster, { kind: 'other', jobID: 'j' })
  t.strictSame(where(), { ready: ['j'] })
  t.strictSame(Object.keys((await cluster.store.jobs.get('j'))?.value ?? {}), ['at'])
})

t.test('a job that is carried is submitted once, on whichever machine', async (t) => {
  const [a, b] = await twoMachines(t)
  const job = { kind: 'other', jobID: 'j' } as const
  const taken = { code: 'FSQ_NXQUEUE_JOB', message: 'there is a job j already' }
  await submitJob(a, job)
  for (const cluster of [a, b]) await t.rejects(submitJob(cluster, job), taken)
  const item = await a.queue.claim(entriesOf(a.queue.context.paths.queue)[0] ?? '')
  await item.done()
  for (const cluster of [a, b]) await t.rejects(submitJob(cluster, job), taken, 'once forwarded')
  rmSync(`${a.queue.context.paths.done}/${item.id}`)
  for (const cluster of [a, b]) await t.rejects(submitJob(cluster, job), taken, 'and once pruned')
  const many = await Promise.allSettled(
    [a, b, a, b, a, b].map((each) => submitJob(each, { kind: 'other', jobID: 'k' })),
  )
  t.equal(many.filter(({ status }) => status === 'fulfilled').length, 1, 'whoever tries it at once')
})

t.test('a submission that was cut is made again on its machine, and nowhere else', async (t) => {
  const taken = { code: 'FSQ_NXQUEUE_JOB', message: /there is a job/ }
  const records: [name: string, record: (machine: string) => JobRecord, free: boolean][] = [
    ['of a submission on this machine', (submitting) => ({ at: 1, submitting }), true],
    ['of that, cancelled', (submitting) => ({ at: 1, submitting, cancel: true }), true],
    ['of a submission on another', () => ({ at: 1, submitting: 'another' }), false],
    ['of before, which names none', () => ({ at: 1 }), false],
    ['of one that has ended', () => ({ at: 1, ended: 'completed' }), false],
  ]
  for (const [name, record, free] of records) {
    const [a, b] = await twoMachines(t)
    await a.store.jobs.create('j', record(await ownMachine(a.queue.context)))
    await t.rejects(submitJob(b, { kind: 'other', jobID: 'j' }), taken, name)
    const submitted = submitJob(a, { kind: 'other', jobID: 'j' })
    if (free) await t.resolves(submitted, name)
    else await t.rejects(submitted, taken, name)
    if (free) t.strictSame(Object.keys((await a.store.jobs.get('j'))?.value ?? {}), ['at'], name)
  }
})

t.test('a submission that fails takes no jobID', async (t) => {
  const [a, b] = await twoMachines(t)
  rmSync(a.queue.context.paths.tmp, { recursive: true })
  await t.rejects(submitJob(a, { kind: 'other', jobID: 'j' }), { code: 'FSQ_NO_QUEUE' })
  await submitJob(b, { kind: 'other', jobID: 'j' })
})

t.test('a job that waits is cancelled, and may run again', async (t) => {
  const { cluster, where } = await testCluster(t)
  await submitJob(cluster, { kind: 'other', jobID: 'j' })
  t.equal(await cancelJob(cluster, 'j'), 'cancelled')
  t.strictSame(where(), { ready: [], fail: ['j'] })
  await t.rejects(cancelJob(cluster, 'j'), { code: 'FSQ_NXQUEUE_JOB', message: /j was cancelled/ })
  await t.rejects(cancelJob(cluster, 'k'), { code: 'FSQ_NO_ITEM' })
  await runAgain(cluster, 'j')
  t.strictSame(where(), { ready: ['j'] })
  await t.rejects(runAgain(cluster, 'j'), { code: 'FSQ_NXQUEUE_JOB', message: /has not ended/ })
  await t.rejects(explainJob(cluster, 'j'), { code: 'FSQ_NXQUEUE', message: /no inventory yet/ })
})

t.test('how a job ended is known until it runs again', async (t) => {
  const { cluster } = await testCluster(t)
  const { id } = await submitJob(cluster, { kind: 'other', jobID: 'j' })
  await cancelJob(cluster, 'j')
  const ended = async () => (await cluster.store.jobs.get('j'))?.value.ended
  await withLockedEntry(cluster.queue.context, 'fail', id, 'look at', async () => {
    await t.rejects(runAgain(cluster, 'j'), { code: 'FSQ_ITEM_LOCKED' })
  })
  t.equal(await ended(), 'cancelled')
  const both = await Promise.allSettled([runAgain(cluster, 'j'), runAgain(cluster, 'j')])
  t.equal(both.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(await ended(), undefined)
})

t.test('a queue of jobs is uninstalled as any other', async (t) => {
  const { cluster, inventoryPath } = await testCluster(t)
  await submitJob(cluster, { kind: 'other', jobID: 'j' })
  await cancelJob(cluster, 'j')
  rmSync(inventoryPath)
  await cluster.queue.uninstall()
  t.notOk(existsSync(cluster.queue.path))
})
