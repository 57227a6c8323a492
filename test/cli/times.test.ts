import t from 'tap'
import { formatTime, type TimeFormat, withTimes } from '../../lib/cli/times.js'

const time = new Date('2026-07-01T22:30:05.007Z')

const table: readonly [zone: string, format: TimeFormat, text: string][] = [
  ['UTC', {}, '2026-07-01T22:30:05+00:00'],
  ['UTC', { utc: true }, '2026-07-01T22:30:05Z'],
  ['Europe/Berlin', {}, '2026-07-02T00:30:05+02:00'],
  ['Europe/Berlin', { utc: true }, '2026-07-01T22:30:05Z'],
  ['Europe/Berlin', { milliseconds: true }, '2026-07-02T00:30:05.007+02:00'],
  ['Europe/Berlin', { milliseconds: true, utc: true }, '2026-07-01T22:30:05.007Z'],
  ['America/St_Johns', {}, '2026-07-01T20:00:05-02:30'],
  ['Asia/Kathmandu', {}, '2026-07-02T04:15:05+05:45'],
]

t.test('times are local with their offset, or in UTC', async (t) => {
  const before = process.env['TZ']
  t.teardown(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })
  for (const [zone, format, text] of table) {
    process.env['TZ'] = zone
    t.equal(formatTime(time, format), text, zone)
    t.equal(Date.parse(text), format.milliseconds === true ? +time : +time - 7, 'the same moment')
  }
})

t.test('the times of an object become texts, and nothing else', async (t) => {
  const object = { at: time, id: 'x', n: 1, list: [1], none: undefined }
  t.strictSame(withTimes(object, { utc: true }), { ...object, at: '2026-07-01T22:30:05.007Z' })
})
