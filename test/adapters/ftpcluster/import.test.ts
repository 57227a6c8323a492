import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { asideFor, isAside, nameOfAside } from '../../../lib/adapters/ftpcluster/aside.js'
import {
  importCluster,
  type ImportEvent,
  type ImportOptions,
} from '../../../lib/adapters/ftpcluster/import.js'
import { type ClusterPlace, clusterPlace } from '../../helpers/ftpcluster.js'
import { startProgram } from '../../helpers/cli.js'
import { entriesOf } from '../../helpers/temporary.js'

t.jobs = 4

/** Imports; what was told, as `file: added+present` or `file: why not`. */
async function told(place: ClusterPlace, options: ImportOptions = {}): Promise<string[]> {
  const events: ImportEvent[] = []
  await importCluster(place.root, place.home, {
    ...options,
    onEvent: (event) => events.push(event),
  })
  return events.map((event) => {
    if (event.type === 'lock') return event.message
    const { file } = event
    return event.type === 'left'
      ? `${file}: ${event.reason}`
      : `${file}: ${event.added}+${event.present}`
  })
}

t.test('lines become items, byte for byte', { buffered: true }, async (t) => {
  const lines = {
    upload: ['upload pub/a%20b root 12 1044844761', 'upload \tpub/\xff  root 12 1044844761 n:21'],
    store: ['store pub/%FF root 12 1044844761 n:21,m:22'],
    replicate: ['replicate pub/a 12 1044844761 n:21'],
    remove: ['remove n:21 1/2/a', 'delete n:21 1/2/b pub/b 12 1044844761'],
    opaque: ['mystery x', 'upload y', '\0'],
  }
  const all = Object.values(lines).flat()
  const place = clusterPlace(t)
  place.write(
    '.queue/uploads-030210-033921-c0de.q',
    Buffer.from(['', ...all, ' \t', ''].join('\n'), 'latin1'),
  )
  t.strictSame(await importCluster(place.root, place.home), {
    files: 1,
    added: all.length,
    present: 0,
    opaque: 3,
    left: 0,
  })
  t.strictSame(place.files(), [])
  t.notOk(existsSync(`${place.home}/.queue.lock`), 'the lock is gone')
  for (const [type, expected] of Object.entries(lines))
    t.strictSame(
      place.bodies(`ftpc-${type}`).sort(),
      expected.map((line) => `${line}\n`).sort(),
      type,
    )
  const [item] = entriesOf(`${place.directory}/root/ftpc-upload/queue`)
  t.match(item, /^_20030210033921_2_\d+_cluster_0_upload_pub%2fa b_root_12_1044844761$/)
  const stores = entriesOf(`${place.directory}/root/ftpc-store/queue`).join('\n')
  t.match(stores, /_0_store_sha256-[0-9a-f]{16}_root_12_1044844761_n:21_m:22$/m, 'no UTF-8')
})

t.test('what is too long for a name is in the body alone', { buffered: true }, async (t) => {
  const nodes = Array.from({ length: 40 }, (_, at) => `n${at}:21`).join(' ')
  const long = [
    `upload ${'x'.repeat(300)} root 12 1044844761`,
    `upload a root 12 1044844761 ${nodes}`,
    `upload a ${'u'.repeat(300)} 12 1044844761`,
  ]
  const place = clusterPlace(t, { 'a.q': `${long.join('\n')}\n` })
  t.strictSame(await told(place), ['a.q: 3+0'])
  t.strictSame(
    place.bodies('ftpc-upload'),
    long.map((line) => `${line}\n`),
  )
  const args = entriesOf(`${place.directory}/root/ftpc-upload/queue`).map((name) =>
    name.replace(/^(_[^_]*){5}_/, '').replace(/[0-9a-f]{16}/, 'HASH'),
  )
  t.strictSame(args, [
    'upload_sha256-HASH_root_12_1044844761',
    'upload_sha256-HASH_root_12_1044844761',
    'upload',
  ])
})

t.test('the age of a job is that of its file', { buffered: true }, async (t) => {
  const line = 'upload a root 1 1\n'
  const place = clusterPlace(t, { 'store-1': line, 'store-20031231-235959': line, 'x.q': line })
  utimesSync(`${place.home}/.queue/store-1`, 1_000_000_000, 1_000_000_000)
  utimesSync(`${place.home}/.queue/x.q`, 1_000_000_001, 1_000_000_001)
  await importCluster(place.root, place.home)
  const times: number[] = []
  for await (const item of place.root.queue('ftpc-upload').scan({ ttl: 0 }))
    times.push(item.enqueuedAt.getTime() / 1000)
  t.strictSame(times, [1_000_000_000, 1_000_000_001, +new Date(2003, 11, 31, 23, 59, 59) / 1000])
})

t.test('a line without its end stays', { buffered: true }, async (t) => {
  const place = clusterPlace(t, { 'store-1': 'store a root 1 1\nstore b root 1' })
  utimesSync(`${place.home}/.queue/store-1`, 1_000_000_000, 1_000_000_000)
  t.strictSame(await told(place), ['store-1: 1+0'])
  t.strictSame(place.files(), ['store-1'])
  t.equal(readFileSync(`${place.home}/.queue/store-1`, 'utf8'), 'store b root 1')
  t.strictSame(await told(place), ['store-1: its line has no end'])
  appendFileSync(`${place.home}/.queue/store-1`, ' 1\n')
  utimesSync(`${place.home}/.queue/store-1`, 1_000_000_000, 1_000_000_000)
  t.strictSame(await told(place), ['store-1: 1+0'])
  t.strictSame(place.bodies('ftpc-store').sort(), ['store a root 1 1\n', 'store b root 1 1\n'])
})

t.test('a line without its end never replaces a file', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const aside = asideFor('store-1', new Date(1e12))
  place.write(`.queue/${aside}`, 'store a root 1 1\nstore b ro')
  // The programs of the cluster have made it anew, and somebody writes to that.
  const path = place.write('.queue/store-1', 'store c root 1 1\n')
  const fd = openSync(path, 'a')
  t.strictSame(await told(place), ['store-1: 1+0', 'store-1: somebody is writing to it'])
  closeSync(fd)
  const [first = '', second = ''] = place.files()
  t.match([first, second], ['store-1', /^store-1-[0-9a-f]{8}$/])
  t.equal(readFileSync(`${place.home}/.queue/${second}`, 'utf8'), 'store b ro')
})

t.test('an import goes on where another was cut off', { buffered: true }, async (t) => {
  const text = Array.from({ length: 1000 }, (_, at) => `upload f${at} root 1 1\n`).join('')
  const place = clusterPlace(t)
  const aside = asideFor('uploads-1', new Date(1e12))
  place.write(`.queue/${aside}`, text)
  copyFileSync(`${place.home}/.queue/${aside}`, `${place.directory}/copy`)
  const end = new AbortController()
  const options = { signal: end.signal }
  Object.defineProperty(end.signal, 'throwIfAborted', {
    value: () => {
      if (existsSync(`${place.directory}/root/ftpc-upload`)) throw new Error('enough')
    },
  })
  await t.rejects(importCluster(place.root, place.home, options), { message: 'enough' })
  t.strictSame(place.files(), [aside])
  const before = place.bodies('ftpc-upload').length
  t.ok(before > 0 && before < 1000, `${before} items were there`)
  t.strictSame(await told(place), [`uploads-1: ${1000 - before}+${before}`])
  t.strictSame(place.bodies('ftpc-upload').sort(), (text.match(/.*\n/g) ?? []).sort())
  renameSync(`${place.directory}/copy`, `${place.home}/.queue/${aside}`)
  t.strictSame(await told(place), ['uploads-1: 0+1000'], 'killed before the unlink')
  t.equal(place.bodies('ftpc-upload').length, 1000)
})

t.test('no line is taken for another by its name', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const aside = asideFor('uploads-1', new Date(1e12))
  place.write(`.queue/${aside}`, 'upload a root 1 1\n')
  await importCluster(place.root, place.home)
  place.write(`.queue/${aside}`, 'upload a  root 1 1\n')
  t.strictSame(await told(place), ['uploads-1: 1+0'])
  t.strictSame(place.bodies('ftpc-upload').sort(), ['upload a  root 1 1\n', 'upload a root 1 1\n'])
  place.write(`.queue/${aside}`, 'upload a  root 1 1\n')
  t.strictSame(await told(place), ['uploads-1: 0+1'], 'and the other is found again')
})

t.test('a file that somebody writes to is left', { buffered: true }, async (t) => {
  const place = clusterPlace(t, { 'a.q': 'upload a root 1 1\n' })
  const reader = openSync(`${place.home}/.queue/a.q`, 'r')
  const writer = openSync(`${place.home}/.queue/a.q`, 'a')
  t.strictSame(await told(place), ['a.q: somebody is writing to it'])
  t.strictSame(place.files(), ['a.q'])
  closeSync(writer)
  t.strictSame(await told(place), ['a.q: 1+0'], 'who reads it does not matter')
  closeSync(reader)
})

t.test('what is no queue file is left', { buffered: true }, async (t) => {
  const place = clusterPlace(t, {
    'notes.txt': 'upload a root 1 1\n',
    'long.q': `upload a root 1 1\n${'x'.repeat(70_000)}\n`,
    'empty.q': '',
  })
  symlinkSync('/etc/passwd', `${place.home}/.queue/link.q`)
  mkdirSync(`${place.home}/.queue/directory.q`)
  execFileSync('mkfifo', [`${place.home}/.queue/fifo.q`])
  t.strictSame(await told(place), [
    'directory.q: it is no regular file',
    'empty.q: 0+0',
    'fifo.q: it is no regular file',
    'link.q: it is no regular file',
    'long.q: line 2 is longer than 65536 bytes; it is no queue file',
  ])
  t.strictSame(place.files(), ['directory.q', 'fifo.q', 'link.q', 'long.q', 'notes.txt'])
})

/** A signal that does something whenever it is looked at. */
function signalThat(act: () => void): AbortSignal {
  const { signal } = new AbortController()
  return Object.defineProperty(signal, 'throwIfAborted', { value: act })
}

t.test('what is written while a file is imported is taken, too', { buffered: true }, async (t) => {
  const place = clusterPlace(t, { 'a.q': 'upload a root 1 1\nupload b root' })
  let late: Promise<unknown> | undefined
  const signal = signalThat(() => {
    const aside = place.files().find(isAside)
    // Somebody who had found the file before it was renamed, and only now opens it: its new name stands
    // for the inode that they have.
    if (aside === undefined || late !== undefined) return
    late = startProgram('sh', [
      '-c',
      'printf " 1 1\\nupload c root 1 1\\nupload d" >>"$0"',
      `${place.home}/.queue/${aside}`,
    ]).ended
  })
  const [event] = await told(place, { signal })
  await late
  t.equal(event, 'a.q: 3+0')
  t.strictSame(
    place.bodies('ftpc-upload'),
    ['a', 'b', 'c'].map((name) => `upload ${name} root 1 1\n`),
  )
  t.strictSame(place.files(), ['a.q'])
  t.equal(readFileSync(`${place.home}/.queue/a.q`, 'utf8'), 'upload d')
})

t.test('what is written at the last moment is not lost', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const expected: string[] = []
  for (let round = 0; round < 30; round++) {
    const [first, late] = [`upload a${round} root 1 1\n`, `upload b${round} root 1 1\n`]
    expected.push(first, late)
    place.write('.queue/a.q', `${first}upload c`)
    const seen = { over: false }
    const importing = told(place).finally(() => (seen.over = true))
    while (!seen.over && !place.files().some((name) => name.startsWith('.fsq-new-')))
      await setImmediate()
    const [aside = 'a.q'] = place.files().filter(isAside)
    const file = await open(`${place.home}/.queue/${aside}`, 'a')
    // Behind the line that was cut off, wherever that is now.
    await file.write(`\n${late}`)
    await file.close()
    await importing
    for (const name of place.files()) appendFileSync(`${place.home}/.queue/${name}`, '\n')
    await told(place)
    t.strictSame(place.files(), [], `round ${round}`)
  }
  t.strictSame(
    place.bodies('ftpc-upload').sort(),
    expected.sort(),
    'every line is there, and is there once',
  )
})

t.test('the copies of what was deleted are to be removed', { buffered: true }, async (t) => {
  const place = clusterPlace(t)
  const link = 'a%20b 12 root 1044844761\nserver n:21 61/47/a%20b\nserver m:22 1/2/c\n'
  place.write('.deleted/a%20b', link)
  place.write('.deleted/none', 'none 12 root 1044844761\n')
  place.write('.deleted/cut', 'cut 12 root 1044844761\nserver n:21 61/4')
  place.write('.deleted/other', 'data\n')
  const writer = openSync(place.write('.deleted/open', link), 'a')
  mkdirSync(`${place.home}/.deleted/directory`)
  t.strictSame(await told(place), [
    '.deleted/a%20b: 2+0',
    '.deleted/cut: its last line has no end',
    '.deleted/directory: it is no regular file',
    '.deleted/none: 0+0',
    '.deleted/open: somebody is writing to it',
    '.deleted/other: it is no link file',
  ])
  closeSync(writer)
  t.strictSame(place.bodies('ftpc-remove'), ['remove n:21 61/47/a%20b\n', 'remove m:22 1/2/c\n'])
  t.strictSame(readdirSync(`${place.home}/.deleted`).sort(), ['cut', 'directory', 'open', 'other'])
})

t.test('the name of a file aside tells all', async (t) => {
  for (const name of ['a.q', 'store-1-2', 'bytes\xff\n.q', 'x'.repeat(255)]) {
    const aside = asideFor(name, new Date(1e12))
    t.ok(isAside(aside) && aside.length <= 255)
    t.ok(name.startsWith(nameOfAside(aside)))
    t.not(asideFor(name, new Date(1e12)), aside)
  }
  for (const name of ['.fsq-new-0123456789abcdef', '.hidden.q', 'a.q']) t.notOk(isAside(name))
})
