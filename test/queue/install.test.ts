import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import type { InstallOptions } from '../../lib/queue/install.js'
import { openRoot } from '../../lib/root/root.js'
import { setEnvironment } from '../helpers/environment.js'
import { modeOf } from '../helpers/mode.js'
import {
  contentsOf,
  entriesOf,
  nothing,
  temporaryDirectory,
  temporaryQueue,
  temporaryRoot,
  underUmask,
} from '../helpers/temporary.js'

const directories = ['done', 'fail', 'queue', 'tmp']

t.test('a queue is a directory of four', async (t) => {
  const root = temporaryRoot(t)
  t.equal(await root.queue('q').install(), true)
  t.strictSame(entriesOf(root.settings.root), ['q'])
  t.strictSame(entriesOf(`${root.settings.root}/q`), directories)
  t.strictSame(contentsOf(root.queue('q')), nothing)
})

t.test('its directories are called as the settings say', async (t) => {
  const { path } = await temporaryQueue(
    t,
    {
      tmpDir: 'a',
      queueDir: 'b',
      doneDir: 'c',
      failDir: 'd',
      downFile: 'e',
      triggerFifo: 'f',
    },
    { down: true, triggered: true },
  )
  t.strictSame(entriesOf(path), ['a', 'b', 'c', 'd', 'e', 'f'])
})

for (const mask of [0o077, 0o000]) {
  t.test(`under the umask ${mask.toString(8).padStart(3, '0')}`, async (t) => {
    const modes: [what: string, options: InstallOptions, directory: string, file: string][] = [
      ['modes are those of fsq(7)', {}, '2770', '640'],
      ['modes are those asked for', { mode: 0o2775, itemMode: 0o664 }, '2775', '664'],
      ['modes may be narrow', { mode: 0o700, itemMode: 0o600 }, '700', '600'],
    ]
    for (const [what, options, directory, file] of modes) {
      t.test(what, async (t) => {
        const { path } = await underUmask(mask, () =>
          temporaryQueue(t, {}, { ...options, down: true, triggered: true }),
        )
        for (const name of ['.', ...directories])
          t.equal(modeOf(`${path}/${name}`), directory, name)
        for (const name of ['down', 'trigger-s']) t.equal(modeOf(`${path}/${name}`), file, name)
      })
    }
  })
}

t.test('modes are those of the settings', async (t) => {
  const settings = { queueMode: 0o2750, itemMode: 0o604 }
  const { path } = await temporaryQueue(t, settings, { down: true })
  t.equal(modeOf(`${path}/tmp`), '2750')
  t.equal(modeOf(`${path}/down`), '604')
})

t.test('a queue is installed as down', async (t) => {
  const queue = await temporaryQueue(t, {}, { down: true })
  t.equal(await queue.isDown(), true)
  t.ok(statSync(`${queue.path}/down`).isFile())
})

const triggers: [useTrigger: boolean, triggered: boolean | undefined, made: boolean][] = [
  [false, undefined, false],
  [true, undefined, true],
  [false, true, true],
  [true, false, false],
]

for (const [useTrigger, triggered, made] of triggers) {
  const asked = `FSQ_USE_TRIGGER ${useTrigger ? 1 : 0} and triggered ${String(triggered)}`
  t.test(`${asked} make ${made ? 'a' : 'no'} trigger`, async (t) => {
    const { path } = await temporaryQueue(t, { useTrigger }, { triggered })
    t.equal(existsSync(`${path}/trigger-s`), made)
    if (made) t.ok(lstatSync(`${path}/trigger-s`).isFIFO())
  })
}

const skip = process.getuid?.() === 0 ? false : 'only root gives files away'

t.test('directories and files belong to those asked for', { skip }, async (t) => {
  const settings = { queueUser: '11', queueGroup: '12', itemUser: '13', itemGroup: '14' }
  const options = { down: true, triggered: true }
  const owned = async (given: InstallOptions): Promise<Record<string, number[]>> => {
    const { path } = await temporaryQueue(t, settings, { ...options, ...given })
    const ownerOf = (name: string): number[] => {
      const { uid, gid } = lstatSync(`${path}/${name}`)
      return [uid, gid]
    }
    return Object.fromEntries(['.', 'queue', 'down', 'trigger-s'].map((x) => [x, ownerOf(x)]))
  }
  t.strictSame(await owned({}), {
    '.': [11, 12],
    queue: [11, 12],
    down: [13, 14],
    'trigger-s': [13, 14],
  })
  t.strictSame(await owned({ user: 21, group: '22', itemUser: '23', itemGroup: 24 }), {
    '.': [21, 22],
    queue: [21, 22],
    down: [23, 24],
    'trigger-s': [23, 24],
  })
})

t.test('the root is made where there is none', async (t) => {
  const root = openRoot({ root: `${temporaryDirectory(t)}/a/b` })
  await root.install('q')
  t.strictSame(await root.queues(), ['q'])
})

t.test('an empty directory becomes the queue', async (t) => {
  const root = temporaryRoot(t)
  mkdirSync(`${root.settings.root}/q`)
  t.equal(await root.queue('q').install(), true)
  t.strictSame(entriesOf(`${root.settings.root}/q`), directories)
})

t.test('where there is a queue', async (t) => {
  const installed = async () => {
    const queue = await temporaryQueue(t)
    await queue.enqueue('precious')
    return queue
  }

  t.test('another is an error, and nothing changes', async (t) => {
    const queue = await installed()
    const before = contentsOf(queue)
    await t.rejects(queue.install(), {
      code: 'FSQ_QUEUE_EXISTS',
      message: `queue exists: q (${queue.path})`,
      queue: 'q',
      path: queue.path,
    })
    t.strictSame(contentsOf(queue), before)
    t.strictSame(entriesOf(queue.context.settings.root), ['q'])
  })

  t.test('it may be ignored', async (t) => {
    const queue = await installed()
    const before = contentsOf(queue)
    t.equal(await queue.install({ ifExists: 'ignore', down: true }), false)
    t.strictSame(contentsOf(queue), before)
    t.equal(await queue.isDown(), false)
    t.strictSame(entriesOf(queue.context.settings.root), ['q'])
  })

  t.test('it may be replaced', async (t) => {
    const queue = await installed()
    t.equal(await queue.install({ ifExists: 'replace', down: true }), true)
    t.strictSame(contentsOf(queue), nothing)
    t.equal(await queue.isDown(), true, 'with the options of the new one')
    t.strictSame(entriesOf(queue.context.settings.root), ['q'])
  })
})

for (const ifExists of ['ignore', 'replace'] as const) {
  t.test(`where there is no queue, ${ifExists} installs it`, async (t) => {
    const queue = temporaryRoot(t).queue('q')
    t.equal(await queue.install({ ifExists }), true)
    t.strictSame(entriesOf(queue.path), directories)
  })
}

for (const ifExists of ['error', 'ignore', 'replace'] as const) {
  t.test(`a file of that name stays, whatever ifExists: ${ifExists}`, async (t) => {
    const queue = temporaryRoot(t).queue('q')
    writeFileSync(queue.path, 'precious')
    await t.rejects(queue.install({ ifExists }), {
      code: 'FSQ_INSTALL',
      message: `cannot install ${queue.path}: a file of that name is there`,
    })
    t.equal(readFileSync(queue.path, 'utf8'), 'precious')
    t.strictSame(entriesOf(queue.context.settings.root), ['q'])
  })
}

t.test('of two that install at once, one wins', async (t) => {
  const { settings } = temporaryRoot(t)
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => openRoot(settings).queue('q').install()),
  )
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of results) {
    if (result.status === 'rejected') t.match(result.reason, { code: 'FSQ_QUEUE_EXISTS' })
  }
  t.strictSame(entriesOf(settings.root), ['q'])
})

for (const below of ['', '/below']) {
  t.test(`a root that is ${below === '' ? '' : 'below '}a file is an error`, async (t) => {
    const file = `${temporaryDirectory(t)}/file`
    writeFileSync(file, '')
    const root = `${file}${below}`
    await t.rejects(openRoot({ root }).install('q'), {
      code: 'FSQ_NO_ROOT',
      message: /^cannot keep queues in .*; name another directory with -r DIR, FSQ_ROOT/,
      path: root,
    })
  })
}

const strangers: [option: keyof InstallOptions, code: string][] = [
  ['user', 'FSQ_NO_USER'],
  ['itemUser', 'FSQ_NO_USER'],
  ['group', 'FSQ_NO_GROUP'],
  ['itemGroup', 'FSQ_NO_GROUP'],
]

for (const [option, code] of strangers) {
  t.test(`an unknown ${option} is an error before anything is made`, async (t) => {
    const root = `${temporaryDirectory(t)}/root`
    await t.rejects(openRoot({ root }).install('q', { [option]: 'nobody-has-this-name' }), { code })
    t.equal(existsSync(root), false)
  })
}

for (const mode of [-1, 0o10000, 1.5, NaN]) {
  for (const option of ['mode', 'itemMode']) {
    t.test(`the ${option} ${mode} is a TypeError`, async (t) => {
      const queue = temporaryRoot(t).queue('q')
      await t.rejects(queue.install({ [option]: mode }), {
        name: 'TypeError',
        message: /to be a file mode such as 0o640, got/,
      })
      t.strictSame(entriesOf(queue.context.settings.root), [])
    })
  }
}

t.test('a misspelt option is a TypeError, and nothing is made', async (t) => {
  const queue = temporaryRoot(t).queue('q')
  const misspelt = { ifExist: 'ignore' } as InstallOptions
  await t.rejects(queue.install(misspelt), {
    name: 'TypeError',
    message: /^Expected an option of install, got ifExist; there are .*ifExists$/,
  })
  t.strictSame(entriesOf(queue.context.settings.root), [])
})

t.test('of a queue that fails half-way nothing is left', async (t) => {
  const queue = temporaryRoot(t, { triggerFifo: 'x'.repeat(300) }).queue('q')
  await t.rejects(queue.install({ down: true, triggered: true }), {
    code: 'FSQ_INSTALL',
    message: 'cannot install q: the name is too long',
    queue: 'q',
  })
  t.strictSame(entriesOf(queue.context.settings.root), [])
})

t.test('settings come from the environment', async (t) => {
  const root = temporaryDirectory(t)
  setEnvironment(t, { FSQ_ROOT: root, FSQ_QUEUE_MODE: '0700' })
  const { path } = await openRoot().install('q')
  t.equal(path, `${root}/q`)
  t.equal(modeOf(path), '700')
})

t.test('a queue whose name fills a file name comes and goes', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('é'.repeat(127))
  await queue.install({ ifExists: 'replace' })
  t.strictSame(await root.queues(), ['é'.repeat(127)])
  await queue.uninstall()
  t.strictSame(entriesOf(root.settings.root), [])
})

t.test('a name that is too long is an error, and leaves nothing', async (t) => {
  const root = temporaryRoot(t)
  await t.rejects(root.install('x'.repeat(256)), {
    code: 'FSQ_INSTALL',
    message: /: the name is too long$/,
  })
  t.strictSame(entriesOf(root.settings.root), [])
})

t.test('ignore does not take a directory that is no queue for one', async (t) => {
  const root = temporaryRoot(t)
  mkdirSync(`${root.settings.root}/lost+found`)
  writeFileSync(`${root.settings.root}/lost+found/#1`, '')
  await t.rejects(root.install('lost+found', { ifExists: 'ignore' }), { code: 'FSQ_NO_QUEUE' })
})

t.test('the root may be a link', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(`${root}/real`)
  symlinkSync('real', `${root}/link`)
  const linked = openRoot({ root: `${root}/link` })
  const queue = await linked.install('q')
  const id = await queue.enqueue('')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  for await (const item of queue.scan()) await item.done()
  await queue.uninstall()
  t.strictSame(entriesOf(`${root}/real`), [])
})
