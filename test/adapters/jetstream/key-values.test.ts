import t from 'tap'
import { jetStreamKeyValues, openJetStream } from '../../../lib/adapters/jetstream/index.js'
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
