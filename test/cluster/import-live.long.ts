import t from 'tap'
import { env } from 'node:process'
import { importLive } from '../helpers/import-live.js'
import { numberFrom } from '../helpers/number-from.js'

/* FSQ_CLUSTER_SECONDS is how long, a minute usually. */
const seconds = numberFrom(env, 'FSQ_CLUSTER_SECONDS', 60)

t.test(`a live cluster loses nothing in ${seconds} seconds of imports`, async (t) => {
  await importLive(t, seconds)
})
