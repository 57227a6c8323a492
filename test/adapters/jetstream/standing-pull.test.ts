import { jetstream as client } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import { receiveItems } from '../../../lib/adapters/jetstream/index.js'
import type { Connected } from '../../../lib/adapters/jetstream/connection.js'
import { headerRoom, largestInline } from '../../../lib/adapters/jetstream/layout.js'
import { StandingPull } from '../../../lib/adapters/jetstream/standing-pull.js'
import { eventually } from '../../helpers/cli.js'
import { following, newWay, opened } from '../../helpers/jetstream.js'
import { withoutNats } from '../../helpers/nats.js'

/*
 * A pull on a real server: what comes of what is asked for.
 */

const skip = withoutNats()
const mebibyte = 1024 * 1024

async function place(t: Test, sizes: readonly number[], about: object = {}) {
  const way = await newWay(t, { nats: { maxPayload: 16 * mebibyte } })
  const nats = await way.connection()
  for (const size of sizes)
    await client(nats).publish('fsq.work.q.any', Buffer.alloc(size), { timeout: 30_000 })
  const { nats: ours, ...rest } = await way.jetstream.connected()
  const connected = {
    ...rest,
    nats: Object.create(ours, { info: { value: about } }) as typeof ours,
  }
  return { ...way, connected: connected satisfies Connected }
}

function pullOn(connected: Connected) {
  const came: number[] = []
  let [lapses, ended] = [0, 0]
  const pull = new StandingPull({
    connected,
    stream: 'FSQ_WORK',
    consumer: 'q_any',
    seconds: 30,
    attempt: 'receive',
    onClose: () => undefined,
    read: ({ data }) => ({ body: data }) as never,
    listener: {
      onDelivery: ({ body }) => came.push(body.length),
      onLapse: () => lapses++,
      onEnd: () => ended++,
    },
  })
  return { pull, came, lapses: () => lapses, ended: () => ended }
}

t.test('no more bytes come of a request than two large items have', { skip }, async (t) => {
  const size = 3 * mebibyte
  const { connected } = await place(t, [size, size, size, size, 1])
  const { pull, came, lapses, ended } = pullOn(connected)
  pull.ask(100)
  await eventually(() => lapses() === 1)
  t.strictSame([came, pull.asked], [[size, size], 0], 'what is left of it lapses')
  pull.ask(3)
  await eventually(() => came.length === 5)
  t.strictSame([pull.asked, lapses(), ended()], [0, 1, 0])
  await pull.end()
})

t.test(
  'the largest message of the stream comes, whatever our server would take',
  { skip },
  async (t) => {
    const size = largestInline + headerRoom
    const { connected } = await place(t, [size], { max_payload: 1024 })
    const { pull, came, lapses, ended } = pullOn(connected)
    pull.ask(1)
    await eventually(() => lapses() === 1)
    t.strictSame([came, pull.asked], [[], 0])
    pull.ask(1)
    await eventually(() => came.length === 1)
    t.strictSame([came, pull.asked, ended()], [[size], 0, 0])
    await pull.end()
  },
)

t.test('who may not pull is told so', { skip }, async (t) => {
  const deny = ['$JS.API.CONSUMER.MSG.NEXT.>']
  const users = [
    { user: 'all', password: 'p' },
    { user: 'some', password: 'p', permissions: { publish: { deny } } },
  ]
  const { server, far } = await newWay(t, {
    nats: { config: { authorization: { users } } },
    jetstream: { user: 'all', password: 'p' },
  })
  const jetstream = opened(t, { servers: server.url, user: 'some', password: 'p' })
  const receiver = following(t, (told) => receiveItems(far, jetstream, told))
  await t.rejects(receiver.ended, { code: 'FSQ_DENIED', message: /cannot receive.*MSG\.NEXT/ })
  t.equal(receiver.count('away'), 0)
})
