import t, { type Test } from 'tap'
import { leaseKey, LeaseWatch } from '../../../lib/adapters/jetstream/lease.js'
import { NatsError } from '../../../lib/adapters/jetstream/nats-error.js'
import { eventually } from '../../helpers/cli.js'
import { type ScriptedEngine, scriptedEngine } from '../../helpers/scripted-engine.js'

/*
 * Who is lost, for those who watch: with an engine in memory.
 */

const key = leaseKey('other')

function watching(t: Test) {
  const engine = scriptedEngine('q')
  const watch = new LeaseWatch(engine, 2)
  const ending = new AbortController()
  t.teardown(() => {
    ending.abort()
  })
  let looks = 0
  const counting = (act: () => void = () => undefined): void => {
    engine.leases.before = (what) => {
      if (what !== 'get') return
      looks++
      act()
    }
  }
  counting()
  return {
    engine,
    isLost: () => watch.isLost(key, ending.signal),
    looks: () => looks,
    /** Has something done at each look from now on. */
    atEachLook: counting,
  }
}

/** Renews the lease, as its holder does. */
function renew({ leases }: ScriptedEngine): void {
  const { revision = 0 } = leases.entries.get(key) ?? {}
  leases.entries.set(key, { value: 'h', revision: revision + 1 })
}

t.test('who is lost stays it while there is no lease, without being watched anew', async (t) => {
  const { isLost, looks } = watching(t)
  t.equal(await isLost(), true)
  for (let again = 0; again < 2; again++) {
    const before = looks()
    t.equal(await isLost(), true)
    t.equal(looks(), before)
    await eventually(() => looks() > before)
  }
})

const ends: Record<string, (engine: ScriptedEngine) => void> = {
  'there is a lease': renew,
  'nobody can look': () => {
    throw new NatsError('away', 'scripted')
  },
}
for (const [when, end] of Object.entries(ends)) {
  t.test(`who was lost is watched anew when ${when}`, async (t) => {
    const { engine, isLost, looks, atEachLook } = watching(t)
    t.equal(await isLost(), true)
    const before = looks()
    atEachLook(() => {
      end(engine)
    })
    await eventually(() => looks() > before)
    atEachLook(() => {
      renew(engine)
    })
    t.equal(await isLost(), false)
  })
}
