import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { getNative } from '../../lib/posix/native.js'
import { auditQueue } from '../../lib/upkeep/audit.js'
import {
  type AuditOptions,
  type Finding,
  type FindingKind,
  findingKinds,
} from '../../lib/upkeep/finding.js'
import { repairQueue } from '../../lib/upkeep/repair.js'
import { notRoot } from './cli.js'
import { itemName, putEntry } from './entries.js'
import { modeOf } from './mode.js'
import { snapshot } from './snapshot.js'
import { contentsOf, nothing, temporaryRoot } from './temporary.js'

/** One thing that can be wrong with a queue, what audit says about it, and what repair makes of it. */
interface Case {
  readonly what: string
  readonly kind: FindingKind
  /** Brings it about in a queue in which there is nothing. */
  readonly make: (paths: Paths, queue: Queue) => void
  readonly settings?: SettingsOptions
  readonly options?: AuditOptions
  /** What the findings say; one, of `kind`, unless there are more. */
  readonly expected: Expected | readonly Expected[]
  /** What is in the queue after a repair. */
  readonly after?: Record<string, string[]>
  /** What else has come of it. */
  readonly check?: (paths: Paths) => boolean
  readonly skip?: string | false
}

/** What a finding says; of its reason only a part. */
type Expected = Partial<Omit<Finding, 'reason'>> & { readonly reason?: RegExp }

type Paths = Queue['context']['paths']

const id = itemName({ args: ['a'] })
const tried = itemName({ tries: 1, args: ['a'] })
const other = itemName({ entropy: 7, args: ['b'] })
const hex = '0123456789ab'
const rootOf = ({ directory }: Paths): string => directory.replace(/\/[^/]*$/, '')
const leftover = (paths: Paths, why: string): string => `${rootOf(paths)}/.q.${why}-${hex}`

/** A file in one directory that has a second name in another. */
const twice =
  (from: keyof Paths, to: keyof Paths, second = id) =>
  (paths: Paths): void => {
    putEntry(paths[from], id, 'body')
    linkSync(`${paths[from]}/${id}`, `${paths[to]}/${second}`)
  }

const key = '0123456789abcdef'.repeat(4)

/** Gives a file the name that an enqueue with a key gives it. */
function linkKey(paths: Paths, from: keyof Paths): void {
  mkdirSync(`${paths.ids}/${key}`, { recursive: true })
  linkSync(`${paths[from]}/${id}`, `${paths.ids}/${key}/${id}`)
}

const cases: readonly Case[] = [
  {
    what: 'a file in tmp/',
    kind: 'stale',
    make: ({ tmp }) => putEntry(tmp, id, 'half a bo'),
    expected: { state: 'tmp', id, remedy: 'repair', reason: /enqueue was cut/ },
    after: nothing,
  },
  {
    what: 'the copy of a reenqueue in tmp/',
    kind: 'stale',
    make: ({ tmp }) => putEntry(tmp, `reenqueue-42-${hex}`),
    expected: { state: 'tmp', remedy: 'repair', reason: /reenqueue was cut/ },
    after: nothing,
  },
  {
    what: 'a file in tmp/ with control characters and bytes that are no text in its name',
    kind: 'stale',
    make: ({ tmp }) => putEntry(tmp, '\x1b[2J\n\xff'),
    expected: { state: 'tmp', id: '\\x1b[2J\\x0a\\xff', remedy: 'repair' },
    after: nothing,
  },
  {
    what: 'a file in tmp/ that has another name outside of the queue',
    kind: 'stale',
    make: (paths) => {
      putEntry(paths.tmp, id, 'body')
      linkSync(`${paths.tmp}/${id}`, `${rootOf(paths)}/elsewhere`)
    },
    expected: { state: 'tmp', id, remedy: 'repair' },
    after: nothing,
    check: (paths) => readFileSync(`${rootOf(paths)}/elsewhere`, 'utf8') === 'body',
  },
  {
    what: 'a link in tmp/, which is not followed',
    kind: 'malformed',
    make: (paths) => {
      putEntry(rootOf(paths), 'precious')
      symlinkSync('../../precious', `${paths.tmp}/${id}`)
    },
    expected: { state: 'tmp', id, remedy: 'decide', reason: /: move it .* or remove/ },
    after: { ...nothing, tmp: [id] },
  },
  {
    what: 'an item in queue/ and still in tmp/',
    kind: 'enqueue-cut',
    make: twice('tmp', 'queue'),
    expected: { state: 'tmp', id, remedy: 'repair', reason: RegExp(`queue/${id}$`) },
    after: { ...nothing, queue: [id] },
  },
  {
    what: 'an item in queue/ and still in tmp/ under another name',
    kind: 'enqueue-cut',
    make: twice('tmp', 'queue', other),
    expected: { state: 'tmp', id, remedy: 'repair' },
    after: { ...nothing, queue: [other] },
  },
  {
    what: 'an item in done/ and still in tmp/',
    kind: 'enqueue-cut',
    make: twice('tmp', 'done'),
    expected: { state: 'tmp', id, remedy: 'repair' },
    after: { ...nothing, done: [id] },
  },
  {
    what: 'an item in tmp/ and queue/ that is in another queue as well',
    kind: 'enqueue-cut',
    make: (paths) => {
      twice('tmp', 'queue')(paths)
      linkSync(`${paths.tmp}/${id}`, `${rootOf(paths)}/elsewhere`)
    },
    expected: { state: 'tmp', id, remedy: 'repair' },
    after: { ...nothing, queue: [id] },
  },
  {
    what: 'an item with a key in queue/ and in done/',
    kind: 'finish-cut',
    make: (paths) => {
      twice('queue', 'done')(paths)
      linkKey(paths, 'queue')
    },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, done: [id] },
    check: ({ ids }) => existsSync(`${ids}/${key}/${id}`),
  },
  {
    what: 'an item with a key in queue/ and still in tmp/',
    kind: 'enqueue-cut',
    make: (paths) => {
      twice('tmp', 'queue')(paths)
      linkKey(paths, 'queue')
    },
    expected: { state: 'tmp', id, remedy: 'repair' },
    after: { ...nothing, queue: [id] },
    check: ({ ids }) => existsSync(`${ids}/${key}/${id}`),
  },
  {
    what: 'a key whose item is gone',
    kind: 'stale-key',
    make: (paths) => {
      putEntry(paths.queue, id, 'body')
      linkKey(paths, 'queue')
      unlinkSync(`${paths.queue}/${id}`)
    },
    expected: { remedy: 'repair', reason: /is gone/ },
    after: nothing,
    check: ({ ids }) => !existsSync(`${ids}/${key}`),
  },
  {
    what: 'a key whose enqueue was cut before it had a link',
    kind: 'stale-key',
    make: ({ ids }) => mkdirSync(`${ids}/${key}`, { recursive: true }),
    expected: { remedy: 'repair' },
    after: nothing,
    check: ({ ids }) => !existsSync(`${ids}/${key}`),
  },
  {
    what: 'a file in tmp/ that has a key',
    kind: 'stale',
    make: (paths) => {
      putEntry(paths.tmp, id, 'body')
      linkKey(paths, 'tmp')
    },
    expected: [
      { kind: 'stale', state: 'tmp', id, remedy: 'repair' },
      { kind: 'stale-key', remedy: 'repair' },
    ],
    after: nothing,
    check: ({ ids }) => !existsSync(`${ids}/${key}`),
  },
  {
    what: 'a directory of the queue, under construction',
    kind: 'stale',
    make: ({ tmp }) => {
      mkdirSync(`${tmp}/ids-42-${hex}`)
    },
    expected: {
      state: 'tmp',
      remedy: 'repair',
      reason: /directory of the queue, and what made it was cut/,
    },
    after: nothing,
  },
  {
    what: 'an item in queue/ and in done/',
    kind: 'finish-cut',
    make: twice('queue', 'done'),
    expected: { state: 'queue', id, remedy: 'repair', reason: RegExp(`done/${id}`) },
    after: { ...nothing, done: [id] },
  },
  {
    what: 'an item in queue/ and in fail/',
    kind: 'finish-cut',
    make: twice('queue', 'fail'),
    expected: { state: 'queue', id, remedy: 'repair', reason: RegExp(`fail/${id}`) },
    after: { ...nothing, fail: [id] },
  },
  {
    what: 'an item in queue/ and, under a fresh entropy, in done/',
    kind: 'finish-cut',
    make: twice('queue', 'done', itemName({ entropy: 1, args: ['a'] })),
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, done: [itemName({ entropy: 1, args: ['a'] })] },
  },
  {
    what: 'an item in queue/ and in done/ that has a name elsewhere too',
    kind: 'finish-cut',
    make: (paths) => {
      twice('queue', 'done')(paths)
      linkSync(`${paths.queue}/${id}`, `${rootOf(paths)}/elsewhere`)
    },
    expected: { state: 'queue', id, remedy: 'decide', reason: /elsewhere.*: leave it to be/ },
    after: { ...nothing, queue: [id], done: [id] },
  },
  {
    what: 'an item in queue/ with one more try as well, and with a name elsewhere',
    kind: 'retry-cut',
    make: (paths) => {
      twice('queue', 'queue', tried)(paths)
      linkSync(`${paths.queue}/${id}`, `${rootOf(paths)}/elsewhere`)
    },
    expected: { state: 'queue', id, remedy: 'decide', reason: /elsewhere.*: leave both/ },
    after: { ...nothing, queue: [id, tried].sort() },
  },
  {
    what: 'an item in tmp/, queue/ and done/',
    kind: 'finish-cut',
    make: (paths) => {
      twice('queue', 'done')(paths)
      linkSync(`${paths.queue}/${id}`, `${paths.tmp}/${id}`)
    },
    expected: [
      { kind: 'enqueue-cut', state: 'tmp', id, remedy: 'repair' },
      { kind: 'finish-cut', state: 'queue', id, remedy: 'repair' },
    ],
    after: { ...nothing, done: [id] },
  },
  {
    what: 'an item in queue/ with one more try as well',
    kind: 'retry-cut',
    make: twice('queue', 'queue', tried),
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, queue: [tried] },
  },
  {
    what: 'an item in queue/ that was tried twice and came back after a loss of power',
    kind: 'retry-cut',
    make: twice('queue', 'queue', itemName({ tries: 2, args: ['a'] })),
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, queue: [itemName({ tries: 2, args: ['a'] })] },
  },
  {
    what: 'an item in queue/ that was tried, then done, and came back after a loss of power',
    kind: 'finish-cut',
    make: twice('queue', 'done', tried),
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, done: [tried] },
  },
  {
    what: 'an item that somebody has linked back to queue/ as another',
    kind: 'linked',
    make: twice('done', 'queue', other),
    expected: { state: 'queue', id: other, remedy: 'decide', reason: /: leave it .* or remove/ },
    after: { ...nothing, queue: [other], done: [id] },
  },
  {
    what: 'an item in done/ and in fail/',
    kind: 'linked',
    make: twice('done', 'fail'),
    expected: { state: 'fail', id, remedy: 'decide', reason: /: remove the name that/ },
    after: { ...nothing, done: [id], fail: [id] },
  },
  {
    what: 'an item in queue/, done/ and fail/',
    kind: 'linked',
    make: (paths) => {
      twice('queue', 'done')(paths)
      linkSync(`${paths.queue}/${id}`, `${paths.fail}/${id}`)
    },
    expected: [
      { kind: 'linked', state: 'fail', remedy: 'decide' },
      { kind: 'linked', state: 'queue', remedy: 'decide' },
    ],
    after: { ...nothing, queue: [id], done: [id], fail: [id] },
  },
  ...(['done', 'fail'] as const).map((state): Case => ({
    what: `two items of one name in queue/ and ${state}/`,
    kind: 'same-name',
    make: (paths) => {
      putEntry(paths.queue, id, 'ours')
      putEntry(paths[state], id, 'theirs')
    },
    expected: { state: 'queue', id, remedy: 'decide', reason: RegExp(` ${state}/.*: leave this`) },
    after: { ...nothing, queue: [id], [state]: [id] },
  })),
  {
    what: 'two items of one name in done/ and fail/',
    kind: 'same-name',
    make: ({ done, fail }) => {
      putEntry(done, id)
      putEntry(fail, id)
    },
    expected: { state: 'done', id, remedy: 'decide', reason: /: leave them so, or/ },
    after: { ...nothing, done: [id], fail: [id] },
  },
  {
    what: 'a name in queue/ that is not that of an item',
    kind: 'malformed',
    make: ({ queue }) => putEntry(queue, 'README', 'text'),
    expected: { state: 'queue', id: 'README', remedy: 'repair' },
    after: { ...nothing, fail: ['README'] },
  },
  {
    what: 'a directory in queue/ with something in it',
    kind: 'malformed',
    make: ({ queue }) => {
      mkdirSync(`${queue}/${id}`)
      putEntry(`${queue}/${id}`, 'file')
    },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, fail: [id] },
    check: ({ fail }) => lstatSync(`${fail}/${id}/file`).isFile(),
  },
  {
    what: 'a link in queue/ to a file elsewhere',
    kind: 'malformed',
    make: (paths) => {
      putEntry(rootOf(paths), 'precious')
      symlinkSync('../../precious', `${paths.queue}/${id}`)
    },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, fail: [id] },
    check: (paths) => lstatSync(`${rootOf(paths)}/precious`).isFile(),
  },
  {
    what: 'a FIFO in queue/, which nobody opens',
    kind: 'malformed',
    make: ({ queue }) => {
      getNative().mkfifo(`${queue}/${id}`, 0o600)
    },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, fail: [id] },
  },
  {
    what: 'a malformed entry in done/',
    kind: 'malformed',
    make: ({ done }) => putEntry(done, 'notes'),
    expected: { state: 'done', id: 'notes', remedy: 'decide', reason: /: move it .* or remove/ },
    after: { ...nothing, done: ['notes'] },
  },
  {
    what: 'a malformed entry in fail/, where scan puts them',
    kind: 'malformed',
    make: ({ fail }) => putEntry(fail, 'notes'),
    expected: { state: 'fail', id: 'notes', remedy: 'none' },
    after: { ...nothing, fail: ['notes'] },
  },
  {
    what: 'an item that has used up its tries',
    kind: 'exhausted',
    make: ({ queue }) => putEntry(queue, itemName({ tries: 3 })),
    options: { maxTries: 3 },
    expected: { state: 'queue', remedy: 'repair', reason: /tried 3 of 3 times/ },
    after: { ...nothing, fail: [itemName({ tries: 3 })] },
  },
  {
    what: 'an item that has used up the tries of the settings',
    kind: 'exhausted',
    make: ({ queue }) => putEntry(queue, itemName({ tries: 2 })),
    settings: { maxTries: 2 },
    expected: { state: 'queue', remedy: 'repair' },
    after: { ...nothing, fail: [itemName({ tries: 2 })] },
  },
  {
    what: 'an item that is too old',
    kind: 'expired',
    make: ({ queue }) => putEntry(queue, id),
    settings: { ttl: 60 },
    expected: { state: 'queue', id, remedy: 'repair', reason: /time to live is 60 s/ },
    after: { ...nothing, fail: [id] },
  },
  {
    what: 'an item that was read and is not locked',
    kind: 'abandoned',
    make: ({ queue }) => {
      const path = putEntry(queue, id, 'body')
      utimesSync(path, new Date(Date.now() + 1000), new Date())
    },
    expected: { state: 'queue', id, remedy: 'none', reason: /lock is free/ },
    after: { ...nothing, queue: [id] },
  },
  ...(['tmp', 'queue', 'done', 'fail'] as const).map((state): Case => ({
    what: `no ${state}/`,
    kind: 'missing-directory',
    make: (paths) => {
      chmodSync(paths.directory, 0o2750)
      rmdirSync(paths[state])
    },
    expected: { state, remedy: 'repair' },
    after: nothing,
    check: (paths) => modeOf(paths[state]) === '2750',
  })),
  {
    what: 'a link in the place of queue/',
    kind: 'not-a-directory',
    make: (paths) => {
      renameSync(paths.queue, `${rootOf(paths)}/elsewhere`)
      putEntry(`${rootOf(paths)}/elsewhere`, 'malformed')
      symlinkSync('../elsewhere', paths.queue)
    },
    expected: { state: 'queue', remedy: 'decide' },
    after: { ...nothing, queue: ['malformed'] },
  },
  {
    what: 'a file in the place of done/',
    kind: 'not-a-directory',
    make: ({ done }) => {
      rmdirSync(done)
      writeFileSync(done, '')
    },
    expected: { state: 'done', remedy: 'decide' },
    check: ({ done }) => lstatSync(done).isFile(),
  },
  {
    what: 'a directory of another mode than is set',
    kind: 'wrong-mode',
    make: ({ tmp }) => {
      chmodSync(tmp, 0o700)
    },
    settings: { queueMode: 0o2775 },
    expected: { state: 'tmp', remedy: 'repair', reason: /0700.*2775/ },
    check: ({ tmp }) => modeOf(tmp) === '2775',
  },
  {
    what: 'the directory of the queue itself of another mode than is set',
    kind: 'wrong-mode',
    make: ({ directory }) => {
      chmodSync(directory, 0o755)
    },
    settings: { queueMode: 0o2775 },
    expected: { remedy: 'repair' },
    check: ({ directory }) => modeOf(directory) === '2775',
  },
  {
    what: 'an item of another mode than is set',
    kind: 'wrong-mode',
    make: ({ queue }) => {
      chmodSync(putEntry(queue, id), 0o604)
    },
    settings: { itemMode: 0o600 },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, queue: [id] },
    check: ({ queue }) => modeOf(`${queue}/${id}`) === '600',
  },
  {
    what: 'an item that is a setuid and setgid program',
    kind: 'wrong-mode',
    make: ({ queue }) => {
      chmodSync(putEntry(queue, id), 0o6755)
    },
    expected: { state: 'queue', id, remedy: 'repair', reason: /6755.*setuid/ },
    after: { ...nothing, queue: [id] },
    check: ({ queue }) => modeOf(`${queue}/${id}`) === '755',
  },
  {
    what: 'a setuid item of another owner than is set',
    kind: 'wrong-owner',
    make: ({ queue }) => {
      const path = putEntry(queue, id)
      chownSync(path, 12345, 12346)
      chmodSync(path, 0o7755)
    },
    settings: { itemUser: '7' },
    expected: { state: 'queue', id, remedy: 'repair' },
    after: { ...nothing, queue: [id] },
    check: ({ queue }) => {
      return lstatSync(`${queue}/${id}`).uid === 7 && modeOf(`${queue}/${id}`) === '755'
    },
    skip: notRoot,
  },
  {
    what: 'a setuid directory, which keeps setgid and sticky',
    kind: 'wrong-mode',
    make: ({ done }) => {
      chmodSync(done, 0o7770)
    },
    expected: { state: 'done', remedy: 'repair', reason: /7770.*setuid/ },
    check: ({ done }) => modeOf(done) === '3770',
  },
  {
    what: 'a file of somebody else, linked to queue/, of another mode than is set',
    kind: 'wrong-mode',
    make: (paths) => {
      chmodSync(putEntry(rootOf(paths), 'secret'), 0o600)
      linkSync(`${rootOf(paths)}/secret`, `${paths.queue}/${id}`)
    },
    settings: { itemMode: 0o666 },
    expected: { state: 'queue', id, remedy: 'decide', reason: /other names/ },
    check: (paths) => modeOf(`${rootOf(paths)}/secret`) === '600',
  },
  {
    what: 'a directory of another owner than is set',
    kind: 'wrong-owner',
    make: ({ fail }) => {
      chownSync(fail, 12345, 12346)
    },
    settings: { queueUser: '7', queueGroup: '8' },
    expected: { state: 'fail', remedy: 'repair', reason: /12345:12346.* 7:8/ },
    check: ({ fail }) => lstatSync(fail).uid === 7 && modeOf(fail) === '2770',
    skip: notRoot,
  },
  {
    what: 'an item of another group than is set',
    kind: 'wrong-owner',
    make: ({ queue }) => {
      const path = putEntry(queue, id)
      chmodSync(path, 0o640)
      chownSync(path, 12345, 12346)
    },
    settings: { itemGroup: '8' },
    expected: { state: 'queue', id, remedy: 'repair', reason: /12345:12346.* 12345:8/ },
    check: ({ queue }) => {
      const { uid, gid } = lstatSync(`${queue}/${id}`)
      return uid === 12345 && gid === 8 && modeOf(`${queue}/${id}`) === '640'
    },
    skip: notRoot,
  },
  {
    what: 'a directory that anybody may write to',
    kind: 'world-writable',
    make: ({ queue }) => {
      chmodSync(queue, 0o2777)
    },
    expected: { state: 'queue', remedy: 'decide' },
    check: ({ queue }) => modeOf(queue) === '2777',
  },
  {
    what: 'half of a queue under construction',
    kind: 'install-leftover',
    make: (paths) => {
      const path = leftover(paths, 'install')
      for (const name of ['', '/tmp', '/queue']) mkdirSync(path + name)
    },
    expected: { remedy: 'repair' },
    after: nothing,
    check: (paths) => isGone(leftover(paths, 'install')),
  },
  {
    what: 'a queue under construction with something in it',
    kind: 'install-leftover',
    make: (paths) => {
      const path = leftover(paths, 'install')
      for (const name of ['', '/queue']) mkdirSync(path + name)
      putEntry(`${path}/queue`, id)
    },
    expected: { remedy: 'decide' },
    check: (paths) => lstatSync(`${leftover(paths, 'install')}/queue/${id}`).isFile(),
  },
  {
    what: 'a hidden directory with something else in it',
    kind: 'install-leftover',
    make: (paths) => {
      mkdirSync(leftover(paths, 'install'))
      putEntry(leftover(paths, 'install'), 'thesis\n')
    },
    expected: { remedy: 'decide', reason: /thesis\\x0a|thesis\n/ },
    check: (paths) => lstatSync(`${leftover(paths, 'install')}/thesis\n`).isFile(),
  },
  {
    what: 'an uninstalled queue in which nothing waits',
    kind: 'uninstall-leftover',
    make: (paths) => {
      const path = leftover(paths, 'uninstall')
      for (const name of ['', '/tmp', '/queue', '/done']) mkdirSync(path + name)
      for (const name of ['/tmp', '/done']) putEntry(path + name, id)
      putEntry(`${path}/queue`, '.nfs1')
    },
    expected: { remedy: 'repair' },
    check: (paths) => isGone(leftover(paths, 'uninstall')),
  },
  ...['queue', 'hosts/h/queue'].map((place): Case => ({
    what: `an uninstalled queue with an item in ${place}/`,
    kind: 'uninstall-leftover',
    make: (paths) => {
      mkdirSync(`${leftover(paths, 'uninstall')}/${place}`, { recursive: true })
      putEntry(`${leftover(paths, 'uninstall')}/${place}`, id)
    },
    expected: { remedy: 'decide', reason: /items wait/ },
    check: (paths) => lstatSync(`${leftover(paths, 'uninstall')}/${place}/${id}`).isFile(),
  })),
]

function isGone(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

/** All that a generator yields. */
export async function listOf<T>(generator: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const each of generator) list.push(each)
  return list
}

function sorted<T extends { readonly kind?: FindingKind; readonly state?: string }>(
  findings: readonly T[],
): T[] {
  const key = ({ kind, state }: T): string => `${String(kind)} ${String(state)}`
  return [...findings].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** What each finding is, and what becomes of it, with the system calls as FSQ_NATIVE has them. */
export function testFindings(): void {
  t.test('there is a case for every kind of finding', async (t) => {
    t.strictSame(new Set(cases.map(({ kind }) => kind)), new Set(Object.keys(findingKinds)))
  })

  for (const { what, kind, make, settings, options, expected, after, check, skip } of cases) {
    const findings = [expected].flat().map((each) => ({ kind, queue: 'q', ...each }))
    const remedies = new Set(findings.map(({ remedy }) => remedy))
    t.test(`${kind}: ${what}`, { skip: skip ?? false }, async (t) => {
      const { root } = temporaryRoot(t).settings
      const owner = settings?.queueUser === undefined ? {} : { user: '7', group: '8' }
      const queue = await temporaryRoot(t, { root, ...settings }).install('q', owner)
      make(queue.context.paths, queue)
      const before = snapshot(root)
      const now = { older: 0, now: new Date(), ...options }

      const audited = await listOf(auditQueue(queue, now))
      t.match(sorted(audited), sorted(findings), 'audit tells of it, and of nothing else')
      t.equal(audited.length, findings.length)
      t.strictSame(snapshot(root), before, 'audit changes nothing')

      const wouldMend = await listOf(repairQueue(queue, { ...now, dryRun: true }))
      const told = sorted(audited).filter(({ remedy }) => remedy !== 'none')
      t.strictSame(sorted(wouldMend.map(({ finding }) => finding)), told)
      for (const { finding, outcome } of wouldMend)
        t.equal(outcome, finding.remedy === 'repair' ? 'would' : 'left')
      t.strictSame(snapshot(root), before, 'a dry run changes nothing')

      const mended = await listOf(repairQueue(queue, now))
      t.strictSame(
        mended.map(({ outcome, error }) => [outcome, error]),
        told.map(({ remedy }) => [remedy === 'repair' ? 'mended' : 'left', undefined]),
        'repair does what it said',
      )
      if (after !== undefined) t.strictSame(contentsOf(queue), after)
      if (check !== undefined) t.ok(check(queue.context.paths), 'as it should be')
      if (!remedies.has('repair')) t.strictSame(snapshot(root), before, 'it was left as it was')

      const mendedState = snapshot(root)
      const again = await listOf(repairQueue(queue, now))
      t.strictSame(
        again.map(({ outcome }) => outcome),
        told.filter(({ remedy }) => remedy === 'decide').map(() => 'left'),
        'a second repair finds nothing to mend',
      )
      t.strictSame(snapshot(root), mendedState, 'and changes nothing')
      const rest = await listOf(auditQueue(queue, now))
      t.notOk(rest.some(({ remedy }) => remedy === 'repair'))
    })
  }
}
