import t from 'tap'
import { importLive } from '../../helpers/import-live.js'

t.test('a live cluster loses nothing while it is imported', async (t) => {
  await importLive(t, 2)
})
