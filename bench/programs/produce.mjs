// { count, every, pull }: enqueues an item about every so many milliseconds, and tells when each was
// acknowledged; with `pull`, pulls the trigger after each.
import { setTimeout } from 'node:timers/promises'
import { measured, now, task } from './gate.mjs'
import { queue } from './library.mjs'

const { count, every, pull } = task
const acknowledged = {}

await measured(async () => {
  for (let i = 0; i < count; i++) {
    acknowledged[await queue.enqueue('', ['bench'])] = now()
    if (pull) await queue.triggerPull({ ignoreListener: true })
    await setTimeout(every * (0.5 + Math.random()))
  }
  return { count, acknowledged }
})
