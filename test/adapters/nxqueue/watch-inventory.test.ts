import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  type Inventory,
  InventoryError,
  readInventory,
  watchInventory,
  type WatchInventoryOptions,
} from '../../../lib/adapters/nxqueue/index.js'
import type * as Watching from '../../../lib/adapters/nxqueue/watch-inventory.js'
import { deferred } from '../../../lib/deferred.js'
import { errnoOf } from '../../../lib/errors.js'
import * as files from '../../../lib/posix/files.js'
import { temporaryDirectory } from '../../helpers/temporary.js'
import { overflowing } from '../../helpers/timers.js'

t.jobs = 4

/** In seconds, much less than what a test waits for. */
const settle = 0.02

/** What is told, in order: the names of the servers, or the code of an error. */
interface Watched extends Disposable {
  /** The next, which was told or will be. */
  readonly next: () => Promise<string>
  /** What was told, and not asked for yet. */
  readonly told: readonly string[]
}

function watched(t: Test, path: string, options: Partial<WatchInventoryOptions> = {}): Watched {
  const told: string[] = []
  let wake = deferred<undefined>()
  const tell = (what: string): void => {
    told.push(what)
    wake.resolve(undefined)
  }
  const watch = watchInventory(path, {
    settle,
    sweep: 3600,
    onChange: ({ servers }: Inventory) => {
      tell(servers.map(({ name }) => name).join())
    },
    onError: (error) => {
      tell(error instanceof InventoryError ? (error.problems[0]?.message ?? '') : error.code)
    },
    ...options,
  })
  t.teardown(() => {
    watch[Symbol.dispose]()
  })
  return {
    told,
    async next() {
      while (told.length === 0) {
        wake = deferred<undefined>()
        await wake.promise
      }
      return told.shift() ?? ''
    },
    [Symbol.dispose]() {
      watch[Symbol.dispose]()
    },
  }
}

function write(path: string, ...servers: readonly string[]): void {
  writeFileSync(path, JSON.stringify({ servers: servers.map((name) => ({ name })) }))
}

/** An inventory in a file, watched. */
async function watchedFile(t: Test): Promise<[path: string, watched: Watched]> {
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const watch = watched(t, path)
  t.equal(await watch.next(), 'a', 'what is there is told first')
  return [path, watch]
}

/** Changes, each told of once. */
const edits: Readonly<Record<string, (path: string) => void>> = {
  'a file that is written anew': (path) => {
    write(path, 'b')
  },
  'a file in its place': (path) => {
    write(`${path}.new`, 'b')
    renameSync(`${path}.new`, path)
  },
  'a file in its place, with the old one put aside': (path) => {
    renameSync(path, `${path}~`)
    write(path, 'b')
  },
  'a link in its place': (path) => {
    write(`${path}.other`, 'b')
    rmSync(path)
    symlinkSync(`${path}.other`, path)
  },
  'a directory in its place': (path) => {
    rmSync(path)
    mkdirSync(path)
    write(`${path}/1.json`, 'b')
  },
}

for (const [what, edit] of Object.entries(edits))
  t.test(`it is told of ${what}`, async (t) => {
    const [path, watch] = await watchedFile(t)
    edit(path)
    t.equal(await watch.next(), 'b')
    write(`${path}.last`, 'c')
    rmSync(path, { recursive: true })
    renameSync(`${path}.last`, path)
    t.equal(await watch.next(), 'c', 'once, and of what follows')
  })

t.test('of the same content nothing is told', async (t) => {
  const [path, watch] = await watchedFile(t)
  writeFileSync(path, '# The same\nservers: [{ name: a, slots: 1 }]')
  await setTimeout(settle * 5000)
  utimesSync(path, 1, 1)
  await setTimeout(settle * 5000)
  write(path, 'b')
  t.equal(await watch.next(), 'b')
})

t.test('of what is in use nothing is told, but of what came since', async (t) => {
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const current = await readInventory(path)
  const same = watched(t, path, { current })
  write(path, 'b')
  const late = watched(t, path, { current })
  t.equal(await same.next(), 'b')
  t.equal(await late.next(), 'b')
})

t.test('a bad edit is told of once, and when it is good again', async (t) => {
  const [path, watch] = await watchedFile(t)
  writeFileSync(path, 'servers: [{ name: a, slot: 1 }]')
  t.equal(await watch.next(), 'there is no member "slot"; did you mean slots?')
  writeFileSync(path, 'servers: [{ name: a, slot: 1 }] # Not better')
  await setTimeout(settle * 5000)
  write(path, 'a')
  t.equal(await watch.next(), 'a')
  rmSync(path)
  t.equal(await watch.next(), 'cannot read it: no such file or directory')
  write(path, 'a')
  t.equal(await watch.next(), 'a')
})

t.test('a file is not read while it is written', async (t) => {
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const watch = watched(t, path, { settle: 0.4 })
  t.equal(await watch.next(), 'a')
  let text = 'servers: [{ name: b }'
  for (const more of [', { name: c }', ', { name: d }', ']']) {
    writeFileSync(path, text)
    await setTimeout(150)
    text += more
  }
  writeFileSync(path, text)
  t.equal(await watch.next(), 'b,c,d')
})

t.test('files of a directory come, go and change', async (t) => {
  const path = `${temporaryDirectory(t)}/inventory`
  mkdirSync(path)
  write(`${path}/2.yaml`, 'b')
  const watch = watched(t, `${path}/`)
  t.equal(await watch.next(), 'b')
  write(`${path}/1.yaml`, 'a')
  t.equal(await watch.next(), 'a,b')
  write(`${path}/2.yaml`, 'c')
  t.equal(await watch.next(), 'a,c')
  rmSync(`${path}/1.yaml`)
  t.equal(await watch.next(), 'c')
  mkdirSync(`${path}.new`)
  write(`${path}.new/1.yaml`, 'd')
  renameSync(path, `${path}.old`)
  renameSync(`${path}.new`, path)
  t.equal(await watch.next(), 'd')
  write(`${path}/1.yaml`, 'e')
  t.equal(await watch.next(), 'e', 'the new directory is watched')
})

t.test('links are followed, as those of a volume of Kubernetes', async (t) => {
  const path = temporaryDirectory(t)
  for (const [version, name] of [
    ['..1', 'a'],
    ['..2', 'b'],
  ] as const) {
    mkdirSync(`${path}/${version}`)
    write(`${path}/${version}/i.yaml`, name)
  }
  symlinkSync('..1', `${path}/..data`)
  symlinkSync('..data/i.yaml', `${path}/i.yaml`)
  const all = [watched(t, path), watched(t, `${path}/i.yaml`)]
  for (const watch of all) t.equal(await watch.next(), 'a')
  symlinkSync('..2', `${path}/..tmp`)
  renameSync(`${path}/..tmp`, `${path}/..data`)
  for (const watch of all) t.equal(await watch.next(), 'b')
  write(`${path}/..2/i.yaml`, 'c')
  for (const watch of all) t.equal(await watch.next(), 'c', 'that to which they lead is watched')
})

t.test('a sweep finds what nobody tells of', async (t) => {
  const path = temporaryDirectory(t)
  for (const name of ['a', 'b']) {
    mkdirSync(`${path}/${name}/etc`, { recursive: true })
    write(`${path}/${name}/etc/i.yaml`, name)
  }
  symlinkSync('a', `${path}/current`)
  const watch = watched(t, `${path}/current/etc/i.yaml`, { sweep: 0.1 })
  t.equal(await watch.next(), 'a')
  symlinkSync('b', `${path}/next`)
  renameSync(`${path}/next`, `${path}/current`)
  t.equal(await watch.next(), 'b')
})

t.test('sweeps may be further apart than a timer of Node.js can wait', async (t) => {
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const warnings = await overflowing(async () => {
    t.equal(await watched(t, path, { sweep: 30 * 24 * 3600 }).next(), 'a')
  })
  t.strictSame(warnings, [])
})

t.test('where nothing can be watched, that is told once, and sweeps find edits', async (t) => {
  const cause = Object.assign(new Error('no more'), { code: 'ENOSPC' })
  const watching = '../../../lib/adapters/nxqueue/watched-paths.js'
  const { watchInventory } = await t.mockImport<typeof Watching>(
    '../../../lib/adapters/nxqueue/watch-inventory.js',
    {
      [watching]: await t.mockImport<object>(watching, {
        '../../../lib/posix/watch.js': {
          watchDirectory() {
            throw cause
          },
        },
      }),
    },
  )
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const told: string[] = []
  const changed = deferred<undefined>()
  const watch = watchInventory(path, {
    settle,
    sweep: 0.1,
    onChange: ({ servers: [first] }) => {
      told.push(first?.name ?? '')
      if (first?.name === 'b') changed.resolve(undefined)
      else write(path, 'b')
    },
    onError: (error) => {
      told.push(error.message, errnoOf(error) ?? '')
    },
  })
  await changed.promise
  watch[Symbol.dispose]()
  t.match(told, [/^cannot watch .*\(fs.inotify.max_user_watches\)$/, 'ENOSPC', 'a', 'b'])
  t.equal(told.length, 4)
})

t.test('what keeps it from being read is told once, and it is read again', async (t) => {
  const failures = [new TypeError('no parser'), new TypeError('no parser')]
  const { watchInventory } = await t.mockImport<typeof Watching>(
    '../../../lib/adapters/nxqueue/watch-inventory.js',
    {
      '../../../lib/adapters/nxqueue/read-inventory.js': {
        async readInventory(path: string) {
          const failure = failures.shift()
          if (failure !== undefined) throw failure
          return readInventory(path)
        },
      },
    },
  )
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const [told, read] = [new Array<string>(), deferred<Inventory>()]
  const watch = watchInventory(path, {
    ...{ settle, sweep: 0.05, onChange: read.resolve },
    onError: ({ message }) => {
      told.push(message)
    },
  })
  t.teardown(() => {
    watch[Symbol.dispose]()
  })
  t.match(await read.promise, { servers: [{ name: 'a' }] })
  t.strictSame(told, ['no parser'])
})

t.test('files that could not be read for a moment are read again by a sweep', async (t) => {
  const failures = ['EMFILE', 'EIO']
  const lib = '../../../lib'
  const inventoryFiles = await t.mockImport<object>(`${lib}/adapters/nxqueue/inventory-files.js`, {
    [`${lib}/posix/files.js`]: {
      ...files,
      readAt(...of: Parameters<typeof files.readAt>) {
        const code = failures.shift()
        if (code !== undefined) throw Object.assign(new Error(code), { code })
        return files.readAt(...of)
      },
    },
  })
  const readInventory = await t.mockImport<object>(`${lib}/adapters/nxqueue/read-inventory.js`, {
    [`${lib}/adapters/nxqueue/inventory-files.js`]: inventoryFiles,
  })
  const { watchInventory } = await t.mockImport<typeof Watching>(
    `${lib}/adapters/nxqueue/watch-inventory.js`,
    { [`${lib}/adapters/nxqueue/read-inventory.js`]: readInventory },
  )
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const [told, read] = [new Array<string | undefined>(), deferred<Inventory>()]
  const watch = watchInventory(path, {
    ...{ settle, sweep: 0.05, onChange: read.resolve },
    onError: (error) => told.push(errnoOf(error)),
  })
  t.teardown(() => {
    watch[Symbol.dispose]()
  })
  t.match(await read.promise, { servers: [{ name: 'a' }] })
  t.strictSame(told, ['EMFILE', 'EIO'])
})

t.test('when it is over, nothing is told', async (t) => {
  const [path, watch] = await watchedFile(t)
  write(path, 'b')
  watch[Symbol.dispose]()
  await setTimeout(settle * 10_000)
  t.strictSame(watch.told, [])
})

t.test('nor of what is being read then', async (t) => {
  const reading = deferred<undefined>()
  const read = deferred<Inventory>()
  const { watchInventory } = await t.mockImport<typeof Watching>(
    '../../../lib/adapters/nxqueue/watch-inventory.js',
    {
      '../../../lib/adapters/nxqueue/read-inventory.js': {
        readInventory() {
          reading.resolve(undefined)
          return read.promise
        },
      },
    },
  )
  const path = `${temporaryDirectory(t)}/i.yaml`
  write(path, 'a')
  const told: unknown[] = []
  const tell = (what: unknown): void => {
    told.push(what)
  }
  const watch = watchInventory(path, { settle, onChange: tell, onError: tell })
  await reading.promise
  watch[Symbol.dispose]()
  read.resolve({ servers: [], drives: [], volumes: [], groups: [] })
  await setTimeout(10)
  t.strictSame(told, [])
})
