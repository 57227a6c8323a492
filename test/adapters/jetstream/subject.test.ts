import fc from 'fast-check'
import t from 'tap'
import {
  bodyName,
  checkHost,
  claimKey,
  consumerOf,
  readConsumer,
  readSubject,
  subjectOf,
  subjectsOf,
} from '../../../lib/adapters/jetstream/subject.js'

const table = [
  ['mail', undefined, 'fsq.work.mail.any', 'mail_any'],
  ['mail', 'west-1', 'fsq.work.mail.west-1', 'mail_west-1'],
  ['my_mail', 'h_1', 'fsq.work.my_mail.h_1', 'my=5Fmail_h=5F1'],
  ['a.b', '*', 'fsq.work.a=2Eb.=2A', 'a=2Eb_=2A'],
  ['a b', '>', 'fsq.work.a=20b.=3E', 'a=20b_=3E'],
  ['=', 'ä\n', 'fsq.work.=3D.=C3=A4=0A', '=3D_=C3=A4=0A'],
  ['a\\b', 'Any', 'fsq.work.a=5Cb.Any', 'a=5Cb_Any'],
] as const

for (const [queue, host, subject, consumer] of table) {
  t.test(`the items of ${JSON.stringify(queue)} for ${host ?? 'the pool'}`, async (t) => {
    t.equal(subjectOf('work', queue, host), subject)
    t.equal(consumerOf(queue, host), consumer)
    t.strictSame(readSubject(subject), { kind: 'work', queue, host })
    t.strictSame(readConsumer(consumer), { queue, host })
    t.ok(subjectOf('dead', queue, host).startsWith(subjectsOf('dead', queue).slice(0, -1)))
  })
}

t.test('what is said of any names is read again, and is of no others', async () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(name, name, (queue, host) => {
      fc.pre(host !== 'any' && Buffer.from(queue + host).toString() === queue + host)
      const subject = subjectOf('work', queue, host)
      const read = readSubject(subject)
      return (
        /^fsq\.work\.[!-~]+\.[!-~]+$/.test(subject) &&
        !/[*>\s]/.test(subject) &&
        subject.split('.').length === 4 &&
        /^[A-Za-z0-9=-]+_[A-Za-z0-9=-]+$/.test(consumerOf(queue, host)) &&
        read?.queue === queue &&
        read.host === host
      )
    }),
  )
})

for (const subject of [
  '',
  'fsq',
  'fsq.work.q',
  'fsq.work.q.any.x',
  'fsq.other.q.any',
  'x.work.q.a',
])
  t.equal(readSubject(subject), undefined, `${JSON.stringify(subject)} is none of ours`)
for (const token of ['', 'a=', 'a=4', 'a=zz', 'a=4a', 'ä', '\x01'])
  t.equal(readSubject(`fsq.work.${token}.any`), undefined, `${JSON.stringify(token)} is no name`)

for (const name of [undefined, '', 'q', 'q_', 'q_any_x', 'q_a=z'])
  t.equal(readConsumer(name), undefined, `${name} is no consumer of ours`)

t.test('names that no consumer can have are refused', async (t) => {
  t.throws(() => consumerOf('q'.repeat(120), 'h'.repeat(120)), { code: 'FSQ_PATH' })
  for (const host of ['any', '', '..', 'a/b', '.hidden'])
    t.throws(
      () => {
        checkHost(host)
      },
      { code: 'FSQ_PATH' },
      host,
    )
})

t.test('claims and bodies are of one queue and one item', async (t) => {
  t.match(claimKey('q', 'i'), /^[0-9a-f]{40}$/)
  const keys = [claimKey('q', 'i'), claimKey('q', 'j'), claimKey('qi', ''), bodyName('s', 'i')]
  t.equal(new Set(keys).size, keys.length)
})
