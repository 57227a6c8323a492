import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { place } from '../helpers/cli.js'
import { withoutPython } from '../helpers/python.js'
import { type Role, runFleet } from './fleet.js'
import type { FleetViolation } from './fleet-log.js'
import {
  producer,
  pythonProducer,
  pythonWorker,
  reference,
  referenceEnqueue,
  referenceScan,
  scanProgram,
  worker,
} from './fleet-roles.js'
import { judge, snapshot } from './oracle.js'
import { recover } from './recover.js'
import { seconds, seed } from './sample.js'

/*
 * Layer 5: two programs share a queue and both are killed at random. The other program is a short
 * one in Python that follows fsq(7), and where FSQ_REFERENCE names one, the original fsq.
 */
async function share(
  t: Test,
  others: readonly Role[],
  isTheirs: (violation: FleetViolation) => boolean = () => false,
): Promise<void> {
  const here = await place(t)
  const roles = [producer, worker, scanProgram, ...others]
  const { items, violations } = await runFleet(t, here, { roles, seconds, seed })
  const ledger = { durability: 'full', crash: 'kill', items } as const
  const theirs = violations.filter(isTheirs)
  for (const { kind, by, detail } of theirs) t.comment(`${by}: ${kind}: ${detail}`)
  const ours = violations.filter((violation) => !theirs.includes(violation))
  t.strictSame(ours, [], 'what the workers saw')
  t.strictSame(judge(snapshot(here.queue.path), ledger), [], 'what was left')
  t.strictSame(await recover(here.queue.path, ledger), [], 'what was left after repair')
}

t.test(
  'we and a program in Python that follows fsq(7) share a queue, and both are killed',
  { skip: withoutPython },
  (t) => share(t, [pythonProducer, pythonWorker, pythonWorker]),
)

/*
 * The original does not look, once it has the lock, whether the item is still there: it runs an item
 * again that was finished between its open and its lock, and then cannot finish it. That we do no
 * such thing, whatever it does, is what is tested.
 */
t.test(
  'we and the original fsq share a queue, and both are killed',
  {
    skip: existsSync(reference)
      ? false
      : 'FSQ_REFERENCE does not name a program that starts the Python fsq',
  },
  (t) =>
    share(t, [referenceEnqueue, referenceScan, referenceScan], ({ kind, by }) =>
      kind === 'again' ? by.startsWith('theirs') : false,
    ),
)
