// Works on the items of a queue with the library until it is killed, some at the same time:
// worker.mjs QUEUE
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../../dist/index.js'
import { by, record, sha256 } from './record.mjs'

const queue = openRoot().queue(process.argv[2])
const atOnce = 4
const pause = Number(process.env.FLEET_PAUSE) * 1000
const working = new Set()

/** How it ends, by the body and the tries that there were: handler.sh does the same. */
function verdict(digest, tries) {
  if (tries === 0 && /^[0-3]/.test(digest)) return 'retry'
  return digest.startsWith('4') ? 'fail' : 'done'
}

async function work(item) {
  try {
    const digest = sha256(await item.bytes())
    record({ at: 'begin', sha256: digest, id: item.id, by })
    if (/^[4-6]/.test(digest)) await setTimeout(pause)
    const operation = verdict(digest, item.tries)
    record({ at: 'end', sha256: digest, by, operation })
    const finish = { done: 'done', retry: 'failTmp', fail: 'failPerm' }[operation]
    const { id } = await item[finish]()
    record({ at: 'finished', sha256: digest, by, id })
  } catch (error) {
    record({ at: 'odd', by, message: `${item.id}: ${error}` })
    item.close()
  }
}

for (;;) {
  const scan = queue.scan({
    onEvent: (event) => record({ at: 'odd', by, message: `${event.error}` }),
  })
  for await (const item of scan) {
    const done = work(item)
    working.add(done)
    void done.finally(() => working.delete(done))
    if (working.size >= atOnce) await Promise.race(working)
  }
  await setTimeout(5)
}
