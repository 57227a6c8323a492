import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { fileKeyValues } from '../../../lib/adapters/nxqueue/file-key-values.js'
import type * as Watching from '../../../lib/adapters/nxqueue/watch-entries.js'
import type { KeyValues, WatchedEntries } from '../../../lib/key-values.js'
import { watchDirectory } from '../../../lib/posix/watch.js'
import { KeyValuesProcess } from '../../helpers/file-key-values-process.js'
import { temporaryDirectory, underUmask } from '../../helpers/temporary.js'

function place(t: Test): { queue: string; directory: string; keyValues: KeyValues } {
  const queue = `${temporaryDirectory(t)}/q`
  mkdirSync(queue)
  const directory = `${queue}/.nxqueue`
  return { queue, directory, keyValues: fileKeyValues(directory) }
}

void t.test('who looks with ls finds what there is', async (t) => {
  const { directory, keyValues } = place(t)
  const claims = keyValues.entries('claims')
  const revision = await claims.create('drive/D1', { item: 'i' })
  await claims.create('volume/A/1', 1)
  await keyValues.entries('launches').create('t1_e1_job', 1)
  t.strictSame(readdirSync(directory).sort(), ['.tmp', 'claims', 'launches'])
  t.strictSame(readdirSync(`${directory}/claims`).sort(), ['drive', 'volume'])
  t.strictSame(readdirSync(`${directory}/claims/drive`), ['D1'])
  t.strictSame(readdirSync(`${directory}/claims/volume`), ['A%2F1'])
  t.strictSame(readdirSync(`${directory}/launches`), ['t1_e1_job'])
  t.strictSame(readdirSync(`${directory}/.tmp`), [], 'nothing is left over')
  t.equal(
    readFileSync(`${directory}/claims/drive/D1`, 'utf8'),
    `{"key":"drive/D1","revision":${revision},"value":{"item":"i"}}\n`,
  )
})

void t.test('who only looks makes nothing', async (t) => {
  const { queue, keyValues } = place(t)
  const claims = keyValues.entries('claims')
  t.equal((await claims.list()).size, 0)
  t.equal(await claims.get('drive/D1'), undefined)
  await claims.remove('drive/D1')
  t.strictSame(readdirSync(queue), [])
})

void t.test('what is made belongs to whom the queue belongs, whatever the umask', async (t) => {
  const { queue, directory, keyValues } = place(t)
  const isRoot = process.getuid?.() === 0
  if (isRoot) spawnSync('chown', ['65534:65533', queue])
  chmodSync(queue, 0o2770)
  await underUmask(0o077, async () => {
    await keyValues.entries('claims').create('drive/D1', 1)
    await keyValues.hold('master', 'S1')
  })
  const { uid, gid } = lstatSync(queue)
  for (const [path, mode] of [
    ['', 0o42770],
    ['/.tmp', 0o42770],
    ['/claims', 0o42770],
    ['/claims/drive', 0o42770],
    ['/claims/drive/D1', 0o100660],
    ['/master.lock', 0o100660],
  ] as const) {
    const stat = lstatSync(directory + path)
    t.equal(stat.mode, mode, `${path} has the mode of the queue`)
    t.strictSame([stat.uid, stat.gid], [uid, gid])
  }
})

void t.test('what is no entry of ours is told, with what to do', async (t) => {
  const valid = '{"key":"k","revision":1,"value":1}'
  for (const [what, plant] of [
    [
      'a symbolic link',
      (path: string) => {
        symlinkSync('/etc/passwd', path)
      },
    ],
    [
      'a link that leads nowhere',
      (path: string) => {
        symlinkSync('/nowhere', path)
      },
    ],
    [
      'a FIFO',
      (path: string) => {
        spawnSync('mkfifo', [path])
      },
    ],
    [
      'a directory',
      (path: string) => {
        mkdirSync(path)
      },
    ],
    [
      'nothing',
      (path: string) => {
        writeFileSync(path, '')
      },
    ],
    [
      'half of an entry',
      (path: string) => {
        writeFileSync(path, valid.slice(0, -2))
      },
    ],
    [
      'other JSON',
      (path: string) => {
        writeFileSync(path, '{"revision":1,"value":1}')
      },
    ],
    [
      'a revision that is none',
      (path: string) => {
        writeFileSync(path, valid.replace('1', '1.5'))
      },
    ],
    [
      'the entry of another',
      (path: string) => {
        writeFileSync(path, valid.replace('"k"', '"l"'))
      },
    ],
    [
      'a huge file',
      (path: string) => {
        writeFileSync(path, valid)
        truncateSync(path, 2 ** 40)
      },
    ],
    [
      'bytes',
      (path: string) => {
        writeFileSync(path, Buffer.alloc(5000, 0xff))
      },
    ],
  ] as const)
    await t.test(what, async (t) => {
      const { directory, keyValues } = place(t)
      const entries = keyValues.entries('things')
      await entries.create('other', 1)
      const path = `${directory}/things/k`
      plant(path)
      const told = {
        code: 'FSQ_NXQUEUE',
        path,
        message: /things\/k was not written by fsq: .*; look at it/,
      }
      await t.rejects(entries.get('k'), told)
      await t.rejects(entries.list(), told)
      t.equal(await entries.create('k', 1), undefined, 'its name is taken')
      t.match(await entries.get('other'), { value: 1 })
      rmSync(path, { recursive: true })
      t.ok(await entries.create('k', 1), 'and free when it is gone')
    })
})

void t.test('a directory that is a link is not followed', async (t) => {
  for (const link of ['', '/things', '/things/volume']) {
    const { queue, directory, keyValues } = place(t)
    mkdirSync(`${queue}/elsewhere/things`, { recursive: true })
    if (link !== '') mkdirSync((directory + link).replace(/\/[^/]*$/, ''), { recursive: true })
    symlinkSync(`${queue}/elsewhere`, directory + link)
    await t.rejects(
      keyValues.entries('things').create('volume/V1', 1),
      { message: /not a directory/ },
      link,
    )
    t.strictSame(readdirSync(`${queue}/elsewhere`), ['things'])
  }
})

void t.test('what a power cut has torn', async (t) => {
  for (const [left, text] of [
    ['nothing', ''],
    ['zeros', '\0'.repeat(30)],
    ['half', '{"key":"k","revis'],
  ] as const)
    await t.test(left, async (t) => {
      const { directory, keyValues } = place(t)
      const entries = keyValues.entries('presence', { volatile: true })
      const revision = Number(await entries.create('k', 1))
      writeFileSync(`${directory}/presence/k`, text)
      t.equal(await entries.get('k'), undefined, 'is no entry, where it may be lost')
      t.equal((await entries.list()).size, 0)
      t.equal(await entries.replace('k', 2, revision), undefined)
      t.ok(await entries.create('k', 3), 'and gives way')
      t.match(await entries.get('k'), { value: 3 })
    })
})

void t.test('what a killed process leaves is removed after an hour', async (t) => {
  const { directory, keyValues } = place(t)
  const entries = keyValues.entries('things')
  await entries.create('k', 1)
  const [old, fresh, theirs] = ['42-0123456789ab', '43-0123456789ab', 'README']
  const before = new Date(Date.now() - 3_700_000)
  linkSync(`${directory}/things/k`, `${directory}/.tmp/${old}`)
  for (const name of [fresh, theirs]) writeFileSync(`${directory}/.tmp/${name}`, '')
  for (const name of [old, theirs]) utimesSync(`${directory}/.tmp/${name}`, before, before)
  await fileKeyValues(directory).entries('things').create('l', 1)
  t.strictSame(readdirSync(`${directory}/.tmp`).sort(), [fresh, theirs].sort())
  t.match(await entries.get('k'), { value: 1 }, 'it was one of two names')
})

void t.test('who is killed anywhere leaves whole entries, and no lock', async (t) => {
  const { directory, keyValues } = place(t)
  const entries: WatchedEntries<number> = keyValues.entries('things')
  for (let run = 0; run < 6; run++) {
    const other = new KeyValuesProcess(
      t,
      directory,
      `const entries = keyValues.entries('things')
       await entries.create('count', 0)
       say()
       for (;;) {
         const { value, revision } = await entries.get('count')
         await entries.replace('count', value + 1, revision)
         await entries.create('volume/' + value, value)
         await entries.remove('volume/' + (value - 2))
       }`,
    )
    await other.hear()
    const begun = (await entries.get('count'))?.value ?? 0
    while (((await entries.get('count'))?.value ?? 0) < begun + 5 + 3 * run);
    await other.kill()
    const all = await entries.list()
    const count = all.get('count')
    t.ok(count, 'the entry is there')
    t.ok(await entries.replace('count', 1000 * run, count?.revision ?? 0), 'and free')
  }
})

void t.test('one of several processes creates an entry', async (t) => {
  const { directory, keyValues } = place(t)
  const keys = 1000
  const script = `const entries = keyValues.entries('claims', { volatile: true })
    say()
    await hear()
    const won = []
    for (let key = 0; key < ${keys}; key++)
      if (await entries.create('volume/' + key, process.pid)) won.push(key)
    say({ pid: process.pid, won })`
  const processes = [1, 2].map(() => new KeyValuesProcess(t, directory, script))
  for (const each of processes) await each.hear()
  for (const each of processes) each.say(null)
  const ends = (await Promise.all(processes.map(async (each) => each.hear()))) as {
    pid: number
    won: number[]
  }[]
  const all = await keyValues.entries('claims').list()
  t.equal(all.size, keys)
  t.equal(ends.flatMap(({ won }) => won).length, keys, 'one wins each')
  for (const { pid, won } of ends) {
    t.ok(won.length > 0, `${won.length} were won by one`)
    t.ok(won.every((key) => all.get(`volume/${key}`)?.value === pid))
  }
})

void t.test('no replacement of several processes is lost', async (t) => {
  const { directory, keyValues } = place(t)
  const entries = keyValues.entries<number>('things', { volatile: true })
  await entries.create('count', 0)
  const script = `const entries = keyValues.entries('things', { volatile: true })
    for (let added = 0; added < 300; ) {
      const { value, revision } = await entries.get('count')
      if (await entries.replace('count', value + 1, revision)) added++
    }
    say()`
  const processes = [1, 2, 3].map(() => new KeyValuesProcess(t, directory, script))
  for (const each of processes) await each.hear()
  t.match(await entries.get('count'), { value: 900 })
})

void t.test('who has an entry locked is waited for', async (t) => {
  const { directory, keyValues } = place(t)
  const entries = keyValues.entries<number>('things')
  const revision = Number(await entries.create('k', 0))
  const holder = spawn('flock', [`${directory}/things/k`, 'sh', '-c', 'echo; read -r line'])
  await once(holder.stdout, 'data')
  let done = false
  const replacing = entries.replace('k', 1, revision).finally(() => (done = true))
  await entries.create('l', 0) // Which waits for a disk, at least.
  t.notOk(done)
  t.match(await entries.get('k'), { value: 0 }, 'who only reads does not wait')
  holder.stdin.end('\n')
  t.equal(await replacing, revision + 1)
})

void t.test('a directory that another takes the place of is not watched any more', async (t) => {
  const { directory, keyValues } = place(t)
  const entries = keyValues.entries<number>('things')
  await entries.create('k', 0)
  const failed = new Promise((resolve) => {
    entries.watch(() => undefined, resolve)
  })
  renameSync(`${directory}/things`, `${directory}/before`)
  mkdirSync(`${directory}/things`)
  writeFileSync(`${directory}/before/wake`, '')
  t.match(await failed, { code: 'FSQ_NXQUEUE' })
})

void t.test('a directory in it that cannot be watched is told, or thrown at once', async (t) => {
  const cause = Object.assign(new Error('no more'), { code: 'ENOSPC' })
  const { watchEntries } = await t.mockImport<typeof Watching>(
    '../../../lib/adapters/nxqueue/watch-entries.js',
    {
      '../../../lib/posix/watch.js': {
        watchDirectory(...[path, ...listeners]: Parameters<typeof watchDirectory>) {
          if (String(path).endsWith('/volume')) throw cause
          return watchDirectory(path, ...listeners)
        },
      },
    },
  )
  const directory = temporaryDirectory(t)
  const failed = new Promise((resolve) => {
    watchEntries(directory, () => undefined, resolve)
  })
  mkdirSync(`${directory}/volume`)
  t.equal(await failed, cause)
  const told: unknown[] = []
  t.throws(() => watchEntries(directory, () => undefined, told.push.bind(told)), cause)
  t.strictSame(told, [], 'and not told as well')
})
