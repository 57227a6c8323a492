import { linkSync, mkdirSync, rmdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { auditQueue } from '../../lib/upkeep/audit.js'
import { type AuditOptions, defaultOlder } from '../../lib/upkeep/finding.js'
import { listItems } from '../../lib/upkeep/list-items.js'
import { repairQueue } from '../../lib/upkeep/repair.js'
import { statQueue } from '../../lib/upkeep/stat-queue.js'
import type { Queue } from '../../lib/root/queue.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { listOf } from '../helpers/findings-suite.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { entriesOf, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

const id = itemName()

async function kindsOf(queue: Queue, options: AuditOptions = {}): Promise<string[]> {
  const findings = await listOf(auditQueue(queue, options))
  return findings.map(({ kind }) => kind).sort()
}

/** So many seconds from now. */
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000)

t.test('in a queue that is in use there is nothing to find', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 3 }, { triggered: true, down: true })
  for (let i = 0; i < 5; i++) await queue.enqueue('body', [String(i)])
  const items = await listOf(queue.scan({ ignoreDown: true }))
  await items[0]?.done()
  await items[1]?.failPerm()
  await items[2]?.failTmp()
  await queue.enqueue('', [], { delimiter: '.' })
  putEntry(queue.context.paths.queue, '.nfs0001')
  t.strictSame(await kindsOf(queue, { older: 0 }), [])
  items[3]?.close()
  items[4]?.close()
})

t.test('a leftover is one after 36 hours, or as long as is asked for', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  putEntry(queue.context.paths.tmp, id)
  mkdirSync(`${root.settings.root}/.q.install-0123456789ab`)
  mkdirSync(`${root.settings.root}/.q.uninstall-0123456789ab`)
  const all = ['install-leftover', 'stale', 'uninstall-leftover']
  t.equal(defaultOlder, 36 * 3600)
  t.strictSame(await kindsOf(queue), [])
  t.strictSame(await kindsOf(queue, { now: inSeconds(defaultOlder - 60) }), [])
  t.strictSame(await kindsOf(queue, { now: inSeconds(defaultOlder) }), all)
  t.strictSame(await kindsOf(queue, { older: 60, now: inSeconds(30) }), [])
  t.strictSame(await kindsOf(queue, { older: 60, now: inSeconds(60) }), all)
  t.strictSame(await kindsOf(queue, { older: 0, now: inSeconds(-3600) }), all, 'a clock set back')
  await t.rejects(kindsOf(queue, { older: NaN }), TypeError)
  await t.rejects(kindsOf(queue, { older: -1 }), TypeError)
})

t.test('a file that is being written is not stale, however old it is', async (t) => {
  const queue = await temporaryQueue(t)
  const path = putEntry(queue.context.paths.tmp, id)
  utimesSync(path, inSeconds(5000), inSeconds(5000))
  t.strictSame(await kindsOf(queue, { older: 60, now: inSeconds(5000) }), [])
  utimesSync(path, inSeconds(-defaultOlder), inSeconds(-defaultOlder))
  t.strictSame(await kindsOf(queue, { older: 60 }), [], 'nor one whose times were set')
})

t.test('two names of an item are no operation under way after a minute', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  putEntry(paths.queue, id)
  linkSync(`${paths.queue}/${id}`, `${paths.tmp}/${id}`)
  t.strictSame(await kindsOf(queue), [])
  t.strictSame(await kindsOf(queue, { now: inSeconds(50) }), [])
  t.strictSame(await kindsOf(queue, { now: inSeconds(60) }), ['enqueue-cut'])
  t.strictSame(await kindsOf(queue, { older: 5, now: inSeconds(5) }), ['enqueue-cut'])
})

t.test('what somebody works on is none of ours', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const twice = itemName({ entropy: 1 })
  const read = itemName({ entropy: 2 })
  for (const name of [id, twice, read]) putEntry(paths.queue, name)
  linkSync(`${paths.queue}/${twice}`, `${paths.done}/${twice}`)
  utimesSync(`${paths.queue}/${read}`, inSeconds(10), new Date())
  putEntry(paths.tmp, id)
  const all = ['abandoned', 'expired', 'expired', 'expired', 'finish-cut', 'stale']
  t.strictSame(
    await kindsOf(queue, { older: 0, ttl: 1 }),
    all.filter((kind) => kind !== 'abandoned'),
  )
  t.strictSame(await kindsOf(queue, { older: 0 }), ['abandoned', 'finish-cut', 'stale'])
  for (const name of [id, twice, read]) lockedDescriptor(t, `${paths.queue}/${name}`)
  lockedDescriptor(t, `${paths.tmp}/${id}`)
  t.strictSame(await kindsOf(queue, { older: 0, ttl: 1 }), [])
})

t.test('an item that waits for its time has not expired', async (t) => {
  const queue = await temporaryQueue(t)
  const name = itemName({})
  putEntry(queue.context.paths.queue, name)
  utimesSync(`${queue.context.paths.queue}/${name}`, new Date(), inSeconds(3600))
  const kinds = async (now: Date): Promise<string[]> => kindsOf(queue, { older: 0, ttl: 1, now })
  t.strictSame(await kinds(new Date()), [])
  t.strictSame(await kinds(inSeconds(3601)), ['expired'])
})

t.test('an option that is misspelt is none', async (t) => {
  const queue = await temporaryQueue(t)
  const refused = { name: 'TypeError', message: /^Expected an option of \w+, got dryrun; / }
  const options = { dryrun: true } as object
  await t.rejects(auditQueue(queue, options).next(), refused)
  await t.rejects(repairQueue(queue, options).next(), refused)
  await t.rejects(statQueue(queue, options), refused)
  t.throws(() => [...listItems(queue, options)], refused)
})

t.test('an item that was tried belongs to scans with another limit than one', async (t) => {
  const queue = await temporaryQueue(t)
  putEntry(queue.context.paths.queue, itemName({ tries: 1 }))
  t.equal(queue.context.settings.maxTries, 1)
  t.strictSame(await kindsOf(queue), [])
  t.strictSame(await kindsOf(queue, { maxTries: 2 }), [])
  t.strictSame(await kindsOf(queue, { maxTries: 1 }), ['exhausted'])
})

t.test('other modes than the default are not wrong unless they are set', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q', { mode: 0o750 })
  await queue.enqueue('', [], { mode: 0o600 })
  t.strictSame(await kindsOf(queue), [])
  const { root: path } = root.settings
  const strict = temporaryRoot(t, { root: path, queueMode: 0o700, itemMode: 0o660 })
  t.strictSame(await kindsOf(strict.queue('q')), Array(6).fill('wrong-mode'))
})

t.test('a directory that anybody may write to is right where the settings say so', async (t) => {
  const queue = await temporaryQueue(t, { queueMode: 0o1777 })
  t.strictSame(await kindsOf(queue), [])
})

t.test('a queue behind a link is examined, with what is beside the link', async (t) => {
  const root = temporaryRoot(t)
  const { path } = await root.install('q')
  symlinkSync('q', `${root.settings.root}/link`)
  putEntry(`${path}/queue`, 'README')
  t.strictSame(await kindsOf(root.queue('link')), ['malformed'])
})

t.test('leftovers of other queues are not of this one', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  for (const name of ['.qq.install-0123456789ab', '.q.install-xyz', '.q.other-0123456789ab'])
    mkdirSync(`${root.settings.root}/${name}`)
  writeFileSync(`${root.settings.root}/.q.install-0123456789ab`, 'a file')
  t.strictSame(await kindsOf(queue, { older: 0 }), [])
  const long = 'é'.repeat(60)
  mkdirSync(`${root.settings.root}/.${long.slice(0, 48)}.uninstall-0123456789ab`)
  t.strictSame(await kindsOf(root.queue(long), { older: 0 }), ['uninstall-leftover'])
})

t.test('where there is no queue there is an error, unless it left something', async (t) => {
  const root = temporaryRoot(t)
  const { root: path } = root.settings
  await t.rejects(kindsOf(root.queue('q')), { code: 'FSQ_NO_QUEUE', queue: 'q' })
  mkdirSync(`${path}/.q.uninstall-0123456789ab/done`, { recursive: true })
  t.strictSame(await kindsOf(root.queue('q'), { older: 0 }), ['uninstall-leftover'])
  mkdirSync(`${path}/home`)
  await t.rejects(kindsOf(root.queue('home')), { code: 'FSQ_NO_QUEUE' }, 'none of the four')
  writeFileSync(`${path}/file`, '')
  await t.rejects(kindsOf(root.queue('file')), { code: 'FSQ_NO_QUEUE' })
  const nowhere = temporaryRoot(t, { root: `${path}/nowhere` })
  await t.rejects(kindsOf(nowhere.queue('q')), { code: 'FSQ_NO_QUEUE' })
  t.strictSame(entriesOf(`${path}/home`), [])
})

t.test('an audit that is left early closes what it has open', async (t) => {
  const queue = await temporaryQueue(t)
  for (let i = 0; i < 10; i++) putEntry(queue.context.paths.queue, `malformed-${i}`)
  const before = entriesOf('/proc/self/fd').length
  for await (const { kind } of auditQueue(queue)) {
    t.equal(kind, 'malformed')
    break
  }
  t.equal(entriesOf('/proc/self/fd').length, before)
})

t.test('a directory that is missing does not keep the others from being examined', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  rmdirSync(paths.tmp)
  const name = Buffer.concat([Buffer.from(`${paths.queue}/`), Buffer.of(0xff, 0x0a)])
  writeFileSync(name, '')
  const findings = await listOf(auditQueue(queue))
  t.match(findings, [{ kind: 'missing-directory' }, { kind: 'malformed', id: '\\xff\\x0a' }])
})
