import t from 'tap'
import { type FleetRecord, type FleetViolation, judgeRecords } from './fleet-log.js'

const enqueue: FleetRecord = { at: 'enqueue', sha256: '1' }
const enqueued: FleetRecord = { at: 'enqueued', sha256: '1', id: '_a' }
const begin = (by: string, id = '_a'): FleetRecord => ({ at: 'begin', sha256: '1', id, by })
const end = (by: string, operation: 'done' | 'retry'): FleetRecord => ({
  at: 'end',
  sha256: '1',
  by,
  operation,
})
const finished = (by: string): FleetRecord => ({ at: 'finished', sha256: '1', by, id: '_a' })
const kill = (by: string): FleetRecord => ({ at: 'kill', by })

const table: [string, FleetRecord[], FleetViolation['kind'][]][] = [
  ['an item that is done', [begin('w'), end('w', 'done'), finished('w')], []],
  ['an item that two have', [begin('w'), begin('v')], ['together']],
  ['an item that two programs have', [begin('s/1'), begin('s/2')], ['together']],
  ['the item of a dead worker', [begin('w'), kill('w'), begin('v')], []],
  ['the item of another dead worker', [begin('w'), kill('v'), begin('u')], ['together']],
  ['the item of a scan that died alone', [begin('s/1'), kill('s'), begin('v')], ['together']],
  ['the item of a scan that died with its program', [begin('s/1'), kill('s/'), begin('v')], []],
  ['what a killed worker wrote last', [kill('w'), begin('w'), begin('v')], []],
  ['an item whose end came to nothing', [begin('w'), end('w', 'done'), begin('v')], ['again']],
  ['one that was killed there', [begin('w'), end('w', 'done'), kill('w'), begin('v')], []],
  ['a try that is not spent', [begin('w'), end('w', 'retry'), begin('v')], ['again']],
  [
    'one that is cut after a try that was spent',
    [begin('w'), end('w', 'retry'), begin('v', '_b'), kill('v'), begin('u', '_b')],
    [],
  ],
  ['one whose scan was', [begin('s/1'), kill('s'), end('s/1', 'done'), begin('v')], []],
  [
    'a done item that comes again',
    [begin('w'), end('w', 'done'), finished('w'), begin('v')],
    ['again'],
  ],
  [
    'one whose acknowledgement is written down late',
    [begin('w'), end('w', 'done'), begin('v'), finished('w')],
    ['again'],
  ],
  ['an item that is tried again', [begin('w'), end('w', 'retry'), finished('w'), begin('v')], []],
  ['a body that nobody enqueued', [{ at: 'begin', sha256: '2', id: '_a', by: 'w' }], ['torn']],
  ['a failure', [{ at: 'odd', by: 'w', message: 'no' }], ['odd']],
]

for (const [what, records, expected] of table) {
  t.test(`the records tell ${expected.join() || 'nothing wrong'} of ${what}`, async (t) => {
    const { violations } = judgeRecords([enqueue, enqueued, ...records])
    t.strictSame(
      violations.map(({ kind }) => kind),
      expected,
    )
  })
}

t.test('the records tell the oracle how each item was finished last', async (t) => {
  const finishOf = (...records: FleetRecord[]) =>
    judgeRecords([enqueue, enqueued, ...records]).items[0]?.finish
  t.strictSame(finishOf(begin('w')), undefined)
  t.strictSame(finishOf(begin('w'), end('w', 'done')), { operation: 'done' })
  t.strictSame(finishOf(begin('w'), end('w', 'done'), finished('w')), {
    operation: 'done',
    id: '_a',
  })
  t.strictSame(finishOf(begin('s/1'), kill('s/1')), { operation: 'fail' }, 'a killed program')
  t.strictSame(finishOf(begin('s/1'), kill('s')), undefined)
})
