// A pass of the planner of fsq nxqueue, over a cluster as large as it is meant for.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { plan } from '../../dist/adapters/nxqueue/plan.js'
import { largeCluster } from '../nxqueue/large-cluster.mjs'
import { median } from '../statistics.mjs'

const firstPass = fileURLToPath(new URL('../nxqueue/first-pass.mjs', import.meta.url))

const repeated = 'a pass'

/** The case for which there is a target. */
export const aPass = `plan: ${repeated}`

export function planCases() {
  const cluster = largeCluster()
  const cases = {
    [repeated]: () => medianTime(10, () => plan(...cluster)),
    'the first pass of a process': () => Number(execFileSync(process.execPath, [firstPass])),
    'a pass, with the reasons of all jobs that wait': () =>
      medianTime(3, () => [...plan(...cluster).waiting]),
  }
  return {
    name: 'plan',
    about:
      'Which of 10,000 jobs that are ready are launched, of 200 drives and 5,000 volumes, half of the drives in ' +
      'use. The median of some passes, after as many others.',
    metrics: [{ key: 'time', unit: 'ms' }],
    cases: Object.entries(cases).map(([name, run]) => ({
      name,
      variants: { fsq: () => ({ time: run() }) },
    })),
  }
}

function medianTime(count, run) {
  for (let times = 0; times < count; times++) run()
  const times = Array.from({ length: count }, () => {
    const begin = performance.now()
    run()
    return performance.now() - begin
  })
  return median(times)
}
