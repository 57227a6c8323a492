import { chmodSync, lstatSync } from 'node:fs'
import t from 'tap'
import { check, notRoot, place } from '../helpers/cli.js'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, underUmask } from '../helpers/temporary.js'

t.jobs = 4

t.test('down and up mark queues, each as often as one likes', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const other = await root.install('x')
  check(t, await underUmask(0o077, () => fsq(['down', 'q'])))
  t.equal(modeOf(`${queue.path}/down`), '640')
  t.equal(lstatSync(`${queue.path}/down`).size, 0)
  chmodSync(`${queue.path}/down`, 0o600)
  check(t, await fsq(['down', '-v', 'q', 'x']), {
    stderr: 'fsq down: q is down\nfsq down: x is down\n',
  })
  t.equal(modeOf(`${queue.path}/down`), '640', 'it gets its mode again')
  t.equal(await other.isDown(), true)
  check(t, await fsq(['up', 'q']))
  t.equal(await queue.isDown(), false)
  check(t, await fsq(['up', '-v', 'q', 'x']), { stderr: 'fsq up: q is up\nfsq up: x is up\n' })
  t.equal(await other.isDown(), false)
})

t.test(
  'down takes owner and mode of the down file',
  { buffered: true, skip: notRoot },
  async (t) => {
    const { fsq, queue } = await place(t)
    const about = (): string => {
      const { uid, gid } = lstatSync(`${queue.path}/down`)
      return `${modeOf(`${queue.path}/down`)} ${uid}:${gid}`
    }
    check(t, await fsq(['down', '-u', '12345', '-g12346', '-m', '604', 'q']))
    t.equal(about(), '604 12345:12346')
    const env = { FSQ_ITEM_USER: '7', FSQ_ITEM_GROUP: '8', FSQ_ITEM_MODE: '600' }
    check(t, await fsq(['down', 'q'], { env }))
    t.equal(about(), '600 7:8', 'from the environment')
    check(t, await fsq(['down', '--user=1', '--group=2', '--mode=640', 'q'], { env }))
    t.equal(about(), '640 1:2', 'flags override it')
  },
)

t.test('one queue that fails does not keep the others back', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  for (const command of ['down', 'up']) {
    check(t, await fsq([command, 'nosuch', 'q']), {
      status: 111,
      stderr: new RegExp(`^fsq ${command}: no such queue: nosuch .*fsq install.*\n$`),
    })
    t.equal(await queue.isDown(), command === 'down', command)
  }
  t.strictSame(entriesOf(root.settings.root), ['q'])
})
