import t from 'tap'
import { jetStreamKeyValues, openJetStream } from '../../../lib/adapters/jetstream/index.js'
import type { KeyValues } from '../../../lib/key-values.js'
import { natsServer, withoutNats } from '../../helpers/nats.js'
import { testKeyValues } from '../../helpers/key-values-suite.js'

void t.test('values on JetStream', { skip: withoutNats() }, async (t) => {
  const server = await natsServer(t)
  let scopes = 0
  await testKeyValues(t, (t) => {
    const scope = `q.${++scopes}`
    return Promise.resolve(() => {
      const jetStream = openJetStream({ servers: server.url })
      const keyValues = jetStreamKeyValues(jetStream, scope)
      t.teardown(async () => {
        await keyValues[Symbol.asyncDispose]()
        await jetStream.close()
      })
      return Promise.resolve(keyValues)
    })
  })
})

void t.test('a hold that was lost in an outage', { skip: withoutNats() }, async (t) => {
  const server = await natsServer(t)
  const open = (): KeyValues => {
    const jetStream = openJetStream({ servers: server.url })
    const keyValues = jetStreamKeyValues(jetStream, 'q')
    t.teardown(async () => {
      await keyValues[Symbol.asyncDispose]()
      await jetStream.close()
    })
    return keyValues
  }
  const [one, two] = [open(), open()]
  const first = await one.hold('master', 'S1')
  server.pause()
  const cut = one.hold('other', 'S1')
  await t.rejects(cut, { code: 'FSQ_NATS' })
  t.equal(first?.isHeld(), false)
  server.resume()
  const again = await one.hold('master', 'S1')
  t.ok(again?.isHeld(), 'is had again by who had it')
  t.ok((again?.epoch ?? 0) > (first?.epoch ?? 0))
  t.equal(await two.hold('master', 'S2'), undefined, 'and by nobody else')
  t.ok(await one.hold('other', 'S1'), 'as is what it was not told that it has')
  t.equal(await two.hold('other', 'S2'), undefined)
})
