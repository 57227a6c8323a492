import { Readable } from 'node:stream'
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { type Test, t } from 'tap'
import * as posixNames from '../../lib/posix/names.js'
import { systemError } from '../../lib/posix/system-error.js'
import { GroupSync } from '../../lib/queue/group-sync.js'
import { holdsItem, Retried, withoutTries } from '../../lib/queue/holdings.js'
import { Incoming, isReceivedInto, receiverIdentity } from '../../lib/queue/incoming.js'
import type * as incomingModule from '../../lib/queue/incoming.js'
import { openRoot } from '../../lib/root/root.js'
import { temporaryDirectory } from '../helpers/temporary.js'

async function place(t: Test, durability: 'full' | 'none' = 'none') {
  const root = openRoot({ root: `${temporaryDirectory(t)}/root`, durability })
  const queue = await root.install('q')
  const names = (state: 'queue' | 'done' | 'staged' | 'linked' | 'withdrawn'): string[] => {
    const directory = state === 'queue' || state === 'done' ? state : `.incoming/${state}`
    return readdirSync(`${queue.path}/${directory}`)
  }
  return { queue, names }
}

const id = '_20261122101112_0_1_far_0_a_b'

void t.test('an item on its way into a queue', async (t) => {
  for (const durability of ['full', 'none'] as const) {
    await t.test(`with durability ${durability}`, { buffered: true }, async (t) => {
      const { queue, names } = await place(t, durability)
      using incoming = await Incoming.open(queue.context)
      const notBefore = new Date(Date.now() + 3_600_000)
      const arriving = await incoming.stage(id, 'body', { notBefore })
      t.equal(arriving.state, 'staged')
      t.strictSame(
        [names('staged'), names('queue')],
        [[id], []],
        'nobody sees it while it is staged',
      )
      t.equal(await arriving.publish(), true)
      t.equal(await arriving.publish(), false, 'a second time changes nothing')
      t.equal(arriving.state, 'linked', 'its link count tells that it is in the queue')
      t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'body')
      t.equal(statSync(`${queue.path}/queue/${id}`).mtime.getTime(), notBefore.getTime())
      arriving.keep()
      arriving.keep()
      t.strictSame([names('staged'), names('linked')], [[], [id]])
      t.equal(incoming.find(id)?.state, 'linked')
      arriving.discard()
      t.strictSame([names('linked'), names('queue')], [[], [id]], 'the item stays')
      t.equal(incoming.find(id), undefined)
    })
  }

  await t.test('lasts before it is gone on with after a crash', async (t) => {
    const { queue } = await place(t, 'full')
    const synced: string[] = []
    class RecordedSync extends GroupSync {
      override async sync(fd: number): Promise<void> {
        synced.push(readlinkSync(`/proc/self/fd/${fd}`))
        await super.sync(fd)
      }
    }
    const recorded = await t.mockImport<typeof incomingModule>('../../lib/queue/incoming.js', {
      '../../lib/queue/group-sync.js': { GroupSync: RecordedSync },
    })
    using incoming = await recorded.Incoming.open(queue.context)
    const path = `${queue.path}/.incoming/staged/${id}`
    writeFileSync(path, 'whole')
    incoming.list()
    const found = incoming.find(id)
    if (found === undefined) throw new Error('it is not there')
    await incoming.resume(found)
    t.strictSame(synced, [path])
    found.discard()
    await t.rejects(incoming.resume(found), { code: 'FSQ_ENQUEUE' })
  })

  await t.test('has another stamp when it is staged anew for the same time', async (t) => {
    const { queue } = await place(t)
    using incoming = await Incoming.open(queue.context)
    const notBefore = new Date(Date.now() + 3_600_000)
    const times = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const { stamp, time } = await incoming.stage(id, 'body', { notBefore })
      times.add(stamp.split(':')[1])
      t.equal(time, notBefore.getTime())
    }
    t.ok(times.size > 1, 'whatever inode it gets')
  })

  await t.test('is staged anew over what a crash left, and by a stream', async (t) => {
    const { queue, names } = await place(t)
    using incoming = await Incoming.open(queue.context)
    writeFileSync(`${queue.path}/.incoming/staged/${id}`, 'half')
    t.strictSame(incoming.list(), [id])
    const pieces = async function* () {
      yield Buffer.from('wh')
      yield Buffer.from('ole')
    }
    await (await incoming.stage(id, pieces())).publish()
    t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'whole')
    const broken = async function* () {
      yield Buffer.from('x')
      throw new Error('the line is dead')
    }
    await t.rejects(incoming.stage('_2_2_2_2_0', broken()), { code: 'FSQ_BODY' })
    t.strictSame(names('staged'), [id], 'nothing is left of one that failed')
  })

  await t.test('many that come together share their syncs and are all there', async (t) => {
    const { queue, names } = await place(t, 'full')
    using incoming = await Incoming.open(queue.context)
    const ids = Array.from({ length: 200 }, (_, at) => `_20261122101112_${at}_1_far_0`)
    await Promise.all(
      ids.map(async (each) => {
        const arriving = await incoming.stage(each, each)
        await arriving.publish()
        arriving.discard()
      }),
    )
    t.strictSame(names('queue').sort(), ids.sort())
    t.strictSame(names('staged'), [])
  })

  await t.test('is withdrawn, unless somebody works on it or has finished it', async (t) => {
    const { queue, names } = await place(t)
    using incoming = await Incoming.open(queue.context)
    const arriving = await incoming.stage(id, 'body')
    await arriving.publish()
    arriving.keep()
    const item = await queue.claim(id)
    t.equal(arriving.withdraw(), false, 'somebody works on it')
    item.close()
    t.equal(arriving.withdraw(), true)
    t.strictSame([names('queue'), names('linked'), names('withdrawn')], [[], [], [id]])
    t.equal(arriving.state, 'withdrawn')
    t.ok(Date.now() - arriving.time < 60_000, 'it is as old as it was when it was staged')
    await arriving.publish()
    t.equal(arriving.withdraw(), true, 'before it is kept, too')
    t.strictSame([names('queue'), names('linked'), names('withdrawn')], [[], [], [id]])
    await arriving.publish()
    arriving.keep()
    await (await queue.claim(id)).done()
    t.equal(arriving.withdraw(), false, 'it is finished')
    t.strictSame(names('done'), [id])
    t.equal(arriving.state, 'linked')
  })
})

void t.test('one at a time receives into a queue, and the queue knows itself', async (t) => {
  const { queue } = await place(t)
  t.equal(receiverIdentity(queue.context), undefined)
  t.equal(isReceivedInto(queue.context), false)
  const incoming = await Incoming.open(queue.context)
  t.equal(isReceivedInto(queue.context), true)
  await t.rejects(Incoming.open(queue.context), { code: 'FSQ_LOCKED' })
  incoming[Symbol.dispose]()
  t.equal(isReceivedInto(queue.context), false)
  using again = await Incoming.open(queue.context)
  t.match(again.identity, /^[0-9a-f]{20}$/)
  t.equal(again.identity, incoming.identity)
  t.equal(receiverIdentity(queue.context), again.identity)
  await t.rejects(Incoming.open(openRoot({ root: '/nowhere' }).queue('q').context), {
    code: 'FSQ_NO_QUEUE',
  })
})

void t.test('a queue into which items were received is uninstalled as any other', async (t) => {
  const { queue } = await place(t)
  {
    using incoming = await Incoming.open(queue.context)
    const arriving = await incoming.stage(id, 'x')
    await arriving.publish()
    arriving.keep()
  }
  for await (const item of queue.scan()) await item.done()
  await queue.uninstall()
  t.throws(() => statSync(queue.path), { code: 'ENOENT' })
})

void t.test('what a queue holds, whatever became of it', async (t) => {
  const { queue } = await place(t)
  const name = await queue.enqueue('x')
  t.equal(holdsItem(queue.context, name), true)
  t.equal(holdsItem(queue.context, id), false)
  const { id: second } = await (await queue.claim(name)).failTmp({ maxTries: 0 })
  t.not(second, name)
  t.equal(holdsItem(queue.context, name), false, 'its name has changed')
  t.equal(new Retried(queue.context).has(name), true)
  await (await queue.claim(second)).done()
  t.equal(new Retried(queue.context).has(name), true, 'also where it was finished')
  t.equal(new Retried(queue.context).has(id), false)
  t.equal(withoutTries(name), withoutTries(second))
  for (const [at, tries] of [
    ['1', '_1_1_1_h__a'],
    ['12', '_1_1_1_h__a'],
  ] as const)
    t.equal(withoutTries(`_1_1_1_h_${at}_a`), tries)
})

void t.test(
  'where the old one cannot go, staging it anew says so, and lets its body go',
  async (t) => {
    const { queue, names } = await place(t, 'full')
    let refuses = true
    const recorded = await t.mockImport<typeof incomingModule>('../../lib/queue/incoming.js', {
      '../../lib/posix/names.js': {
        ...posixNames,
        removeIfThere: (path: string) => {
          if (refuses) throw systemError('EROFS', path)
          posixNames.removeIfThere(path)
        },
      },
    })
    using incoming = await recorded.Incoming.open(queue.context)
    await incoming.stage(id, 'old')
    const body = Readable.from(['new'])
    await t.rejects(incoming.stage(id, body), { code: 'FSQ_ENQUEUE', errno: 'EROFS' })
    t.ok(body.destroyed, 'its body is let go')
    refuses = false
    await incoming.stage(id, 'new')
    t.strictSame(names('staged'), [id])
    t.equal(readFileSync(`${queue.path}/.incoming/staged/${id}`, 'utf8'), 'new')
  },
)
