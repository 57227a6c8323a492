import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { Swaps } from '../../../lib/adapters/ftpcluster/swaps.js'
import { type FileState, stateOf } from '../../../lib/posix/inode.js'
import { exchangeFiles } from '../../../lib/posix/names.js'
import { getNative } from '../../../lib/posix/native.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

const skip = getNative().name !== 'koffi' && 'files cannot be exchanged without koffi'

interface Place {
  readonly home: string
  readonly notes: string
  readonly swaps: Swaps
  readonly old: FileState
}

function place(t: Test): Place {
  const home = temporaryDirectory(t)
  const notes = `${home}/.fsq`
  mkdirSync(`${home}/pub`)
  mkdirSync(notes)
  writeFileSync(`${home}/pub/file`, 'content')
  const old = stateOf(`${home}/pub/file`)
  if (old === undefined) throw new Error('not made')
  return { home, notes, swaps: new Swaps(home, notes), old }
}

const link = Buffer.from('file 7 ftp 1\n')

function content({ home }: Place): string {
  return readFileSync(`${home}/pub/file`, 'utf8')
}

t.test('a file is replaced that is as it was', { skip }, async (t) => {
  const it = place(t)
  t.equal(await it.swaps.replace('pub/file', it.old, link), true)
  t.equal(content(it), link.toString())
  t.strictSame(readdirSync(it.notes), [])
})

const changes: Readonly<Record<string, (it: Place) => void>> = {
  'was written to': ({ home }) => {
    writeFileSync(`${home}/pub/file`, 'CONTENT')
  },
  'is another, with the same size and mtime': ({ home, old }) => {
    writeFileSync(`${home}/pub/new`, 'CONTENT')
    const seconds = Number(old.mtime) / 1e9
    utimesSync(`${home}/pub/new`, seconds, seconds)
    renameSync(`${home}/pub/new`, `${home}/pub/file`)
  },
}

for (const [how, change] of Object.entries(changes))
  t.test(`a file that ${how} stays`, { skip }, async (t) => {
    const it = place(t)
    change(it)
    t.equal(await it.swaps.replace('pub/file', it.old, link), false)
    t.equal(content(it), 'CONTENT')
    t.strictSame(readdirSync(it.notes), [])
  })

t.test('a file that is not there stays away', { skip }, async (t) => {
  const it = place(t)
  renameSync(`${it.home}/pub`, `${it.home}/elsewhere`)
  t.equal(await it.swaps.replace('pub/file', it.old, link), false)
  t.strictSame(readdirSync(it.notes), [])
})

/** What a process leaves that is killed after it made the new file and the note. */
function half(it: Place): void {
  writeFileSync(`${it.notes}/x.new`, link)
  const { inode, size, mtime } = it.old
  const by = stateOf(`${it.notes}/x.new`)?.inode
  const note = { name: 'pub/file', old: [inode, size, String(mtime)], by }
  writeFileSync(`${it.notes}/x.swap`, JSON.stringify(note))
}

const kills: Readonly<Record<string, { leave: (it: Place) => void; then: string }>> = {
  'before the note': {
    leave: ({ notes }) => {
      writeFileSync(`${notes}/x.new`, link)
    },
    then: 'content',
  },
  'before the exchange': { leave: half, then: 'content' },
  'after the exchange': {
    leave: (it) => {
      half(it)
      exchangeFiles(`${it.notes}/x.new`, `${it.home}/pub/file`)
    },
    then: link.toString(),
  },
  'after the exchange with another file': {
    leave: (it) => {
      half(it)
      writeFileSync(`${it.home}/pub/new`, 'CONTENT')
      renameSync(`${it.home}/pub/new`, `${it.home}/pub/file`)
      exchangeFiles(`${it.notes}/x.new`, `${it.home}/pub/file`)
    },
    then: 'CONTENT',
  },
  'after the exchange with another file, and then came a third': {
    leave: (it) => {
      half(it)
      linkSync(`${it.home}/pub/file`, `${it.home}/kept`) // So that no new file gets its inode.
      writeFileSync(`${it.home}/pub/new`, 'CONTENT')
      renameSync(`${it.home}/pub/new`, `${it.home}/pub/file`)
      exchangeFiles(`${it.notes}/x.new`, `${it.home}/pub/file`)
      linkSync(`${it.home}/pub/file`, `${it.home}/kept too`)
      writeFileSync(`${it.home}/pub/third`, 'third')
      renameSync(`${it.home}/pub/third`, `${it.home}/pub/file`)
    },
    then: 'third',
  },
  'after the old file was removed': {
    leave: (it) => {
      half(it)
      renameSync(`${it.notes}/x.new`, `${it.home}/pub/file`)
    },
    then: link.toString(),
  },
}

for (const [when, { leave, then }] of Object.entries(kills))
  t.test(`who is killed ${when} has the rest done by the next`, { skip }, async (t) => {
    const it = place(t)
    leave(it)
    await new Swaps(it.home, it.notes).recover()
    t.equal(content(it), then)
    t.strictSame(readdirSync(it.notes), [])
  })
