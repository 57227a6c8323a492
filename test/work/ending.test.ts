import t from 'tap'
import { JobEnding } from '../../lib/work/ending.js'

t.test('whoever looks before, or only after, sees that it is to end, and why', async (t) => {
  for (const when of ['before', 'after']) {
    const ending = new JobEnding()
    const before = when === 'before' ? [ending.signal, ending.kill] : []
    t.notOk(ending.isAsked, when)
    ending.ask('late')
    ending.ask('stopped')
    t.ok(ending.isAsked, when)
    t.match([ending.signal, ending.kill], [{ aborted: true, reason: 'late' }, { aborted: false }])
    ending.end()
    t.match([ending.signal.reason, ending.kill.reason], ['late', 'late'], 'the first reason counts')
    t.equal(await ending.killed, 'late')
    t.ok(before.every(({ aborted }) => aborted))
  }
})
