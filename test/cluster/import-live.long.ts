import t from 'tap'
import { importLive } from '../helpers/import-live.js'

t.test('a live cluster loses nothing in a minute of imports', async (t) => {
  await importLive(t, 60)
})
