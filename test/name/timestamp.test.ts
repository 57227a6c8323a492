import t from 'tap'
import { getTimestamps } from '../../lib/name/timestamp.js'

// A zone with summer time, for the hour that it skips.
process.env['TZ'] = 'Europe/Berlin'

const moment = new Date(2012, 6, 10, 21, 39, 4)

const formats: Record<string, string> = {
  '%Y%m%d%H%M%S': '20120710213904',
  '%Y-%m-%dT%H:%M:%S': '2012-07-10T21:39:04',
  '%d.%m.%y %I:%M:%S %p': '10.07.12 09:39:04 PM',
  '%a %b %d %H:%M:%S %Y': 'Tue Jul 10 21:39:04 2012',
  '%A, %d %B %Y, %H:%M:%S': 'Tuesday, 10 July 2012, 21:39:04',
  '%Y%%%m%%%d%H%M%S.%f': '2012%07%10213904.000000',
}

for (const [format, text] of Object.entries(formats)) {
  t.test(`the format ${format} is written and read in local time`, async (t) => {
    const timestamps = getTimestamps(format)
    t.equal(timestamps.format(moment), text)
    t.equal(timestamps.parse(text).getTime(), moment.getTime())
  })
}

for (const format of ['%s', '%Z', '%z', '%c', '%x', '%-d', '%e', '%Q', '%Y%', '%é']) {
  t.test(`the format ${format} is refused`, async (t) => {
    t.throws(() => getTimestamps(format), {
      code: 'FSQ_TIMEFMT',
      message: /^Expected a time format to have only %a %A .* %%, got "%/,
    })
  })
}

for (const format of ['%Y%m%d%H%M%S%f', '%f%Y%m%d%H%M%S', '%Y%m%d%H%M%S.%f-%%f']) {
  t.test(`microseconds by ${format}, as another program writes them, are read`, async (t) => {
    const timestamps = getTimestamps(format)
    const ours = timestamps.format(new Date(2012, 6, 10, 21, 39, 4, 123))
    t.match(ours, '123000')
    for (const digits of ['123000', '123456', '123999']) {
      const text = ours.replace('123000', digits)
      t.equal(timestamps.parse(text).getTime(), moment.getTime() + 123, text)
    }
    for (const digits of ['12345', '1234567', '12345x', '123\0\0\0', '-12345', '']) {
      const text = ours.replace('123000', digits)
      t.throws(() => timestamps.parse(text), { code: 'FSQ_TIMEFMT' }, text)
    }
  })
}

const unreadable = [
  ...['%Y%m%d%H%M%S-%U', '%Y%m%d%H%M%S-%W', '%Y%j%H%M%S-%U', '%Y%U', '%Y%W', '%Y%m%j%d'],
  ...['%Y%m%d%H%I%M%S', '%a%H%M%S', '%A %H%M%S', '%w%H%M%S', '%m%d%H%M%S', '%j%H%M%S'],
]

for (const format of unreadable) {
  t.test(`the format ${format}, whose timestamps are not read back, is refused`, async (t) => {
    t.throws(() => getTimestamps(format), {
      code: 'FSQ_TIMEFMT',
      message: /^Expected a time format .* read back, such as %Y\S+, got "%.*", by which \S+ is "/,
    })
  })
}

const coarse = [
  '%Y%m%d',
  '%y%j',
  '%Y%U%w',
  '%Y%W%a',
  '%Y%m%d%j',
  '%Y%m%d%I%M%S',
  '%H%M%S',
  '%d %B %Y',
]

for (const format of coarse) {
  t.test(`the format ${format} is read back as far as it tells the time`, async (t) => {
    const timestamps = getTimestamps(format)
    const texts = Array.from({ length: 3 * 366 }, (_, day) =>
      timestamps.format(new Date(2023, 0, 1 + day, day % 24, 59)),
    )
    t.strictSame(
      texts.map((text) => timestamps.format(timestamps.parse(text))),
      texts,
    )
  })
}

for (const format of ['abc', '%%', 'Y%%m', ' ']) {
  t.test(`the format ${format}, in which there is no time, is refused`, async (t) => {
    t.throws(() => getTimestamps(format), {
      code: 'FSQ_TIMEFMT',
      message: `Expected a time format such as %Y%m%d%H%M%S, got ${JSON.stringify(format)}`,
    })
  })
}

const wrong: Record<string, string> = {
  'month 13': '20121310213904',
  'month 0': '20120010213904',
  'day 32': '20120732213904',
  'day 0': '20120700213904',
  '30 February': '20120230213904',
  '29 February of a year without one': '20130229213904',
  'hour 24': '20120710243904',
  'minute 60': '20120710216004',
  'second 60': '20120710213960',
  'a digit too few': '2012071021390',
  'a digit too many': '201207102139040',
  'a letter': '2012071021390x',
  'a space': '20120710 13904',
  'a sign': '-2120710213904',
  nothing: '',
}

for (const [what, text] of Object.entries(wrong)) {
  t.test(`a timestamp with ${what} is refused`, async (t) => {
    t.throws(() => getTimestamps('%Y%m%d%H%M%S').parse(text), {
      code: 'FSQ_TIMEFMT',
      message: `not a timestamp of the format %Y%m%d%H%M%S: ${JSON.stringify(text)}`,
    })
  })
}

t.test('29 February of a leap year is read', async (t) => {
  const read = getTimestamps('%Y%m%d%H%M%S').parse('20120229000000')
  t.equal(read.getTime(), new Date(2012, 1, 29).getTime())
})

t.test('an hour that summer time skips is read as one near it', async (t) => {
  const read = getTimestamps('%Y%m%d%H%M%S').parse('20240331023000').getTime()
  t.ok(Math.abs(read - Date.UTC(2024, 2, 31, 1)) <= 3_600_000)
})
