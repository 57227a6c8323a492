// Who decides what is launched: the planner, and two that go by age alone. All of them choose volumes, drives and
// servers as the planner does, so that what is compared is the order.
import { plan } from '../../dist/adapters/nxqueue/plan.js'

/** So fine that only the age counts. */
const byAge = { aging: 0.001, turnAfter: Infinity }
const withoutPriority = (job) => ({ ...job, priority: 0 })

/** Each: jobs, inventory, state and time to what is launched, one batch after the other. */
export const schedulers = {
  nxqueue: (jobs, inventory, state, now) => plan(jobs, inventory, state, now),
  'first come, first served': headOfLine,
  'the same, past who is blocked': (jobs, inventory, state, now) =>
    plan(jobs.map(withoutPriority), inventory, state, now, byAge),
}

/** The first is launched, and then the next, until one cannot be; whom only a person can help is passed by. */
function headOfLine(jobs, inventory, state, now) {
  const launches = []
  const waiting = new Map()
  for (const job of jobs) {
    const made = plan([job], inventory, state, now)
    if (made.launches.length === 0) {
      const reasons = made.waiting.get(job.item)
      waiting.set(job.item, reasons)
      if (reasons.some(({ isForPerson }) => isForPerson)) continue
      break
    }
    launches.push(...made.launches)
    state = { ...state, claims: [...state.claims, ...made.launches.flatMap(claimsOf)] }
  }
  return { launches, waiting }
}

/** What a launch takes. */
export function claimsOf({ job, server, serverPlace, volume, volumePlace, drive, from, bytes }) {
  const common = { jobID: job.jobID, item: job.item, server, bytes, epoch: 1 }
  return [
    ...(volume === undefined ? [] : [{ kind: 'volume', name: volume, place: volumePlace }]),
    ...(from === undefined ? [] : [{ kind: 'drive', name: from, unloaded: true }]),
    ...(drive === undefined ? [] : [{ kind: 'drive', name: drive }]),
    { kind: 'server', name: server, place: serverPlace },
  ].map((resource) => ({ resource, ...common }))
}
